// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package printers

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// barWidth is the length of a bar in characters.
const barWidth = 30

// Bar shows how much of a work is done. It is safe for concurrent use.
type Bar struct {
	out   io.Writer
	total int
	// noun says what a step that went wrong is counted as.
	noun string

	mu           sync.Mutex
	done, failed int
}

// NewBar draws an empty bar. Where out is no terminal, the bar and all its steps draw nothing.
func NewBar(out io.Writer, total int, noun string) *Bar {
	if !Interactive(out) {
		out = io.Discard
	}
	return DrawBar(out, total, noun)
}

// DrawBar draws an empty bar, whatever out is.
func DrawBar(out io.Writer, total int, noun string) *Bar {
	b := &Bar{out: out, total: max(total, 1), noun: noun}
	b.draw()
	return b
}

// Step counts one piece of the work, done well or not.
func (b *Bar) Step(well bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	if !well {
		b.failed++
	}
	b.draw()
}

// Clear takes the bar away, so that what is printed next begins on an empty line.
func (b *Bar) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.print("\r\x1b[2K")
}

func (b *Bar) draw() {
	filled := barWidth * b.done / b.total
	b.print("\r\x1b[2K[%s%s] %d/%d", strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), b.done, b.total)
	if b.failed > 0 {
		b.print(", %d %s", b.failed, b.noun)
	}
}

// print draws what it can: a bar that is not drawn is no reason to end the work.
func (b *Bar) print(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format, args...) }
