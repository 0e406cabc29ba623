// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import "sync"

// maxPrograms is how many programs are kept: those of several large Inventories, of 16 to 100 KiB each.
const maxPrograms = 256

// programs holds compiled programs by their sources: an edit of one expression of an Inventory compiles that one, and not the 63 others
// while every reconcile waits. When it is full it starts again empty, so that expressions which no Inventory has any more do not stay.
type programs struct {
	mu    sync.Mutex
	known map[string]*Program
}

// get returns the program of a source; nil if it is not known.
func (p *programs) get(source string) *Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[source]
}

// add keeps a program, and returns the one that was there before if there is one.
func (p *programs) add(source string, program *Program) *Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.known[source]; first != nil {
		return first
	}
	if p.known == nil || len(p.known) >= maxPrograms {
		p.known = map[string]*Program{}
	}
	p.known[source] = program
	return program
}
