// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package printers

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"k8s.io/cli-runtime/pkg/printers"
)

// barWidth is the length of a bar in characters.
const barWidth = 30

// Bar is a progress bar. It is safe for concurrent use.
type Bar struct {
	out   io.Writer
	total int
	// noun describes the steps that failed.
	noun string

	mu           sync.Mutex
	done, failed int
}

// NewBar draws an empty bar. If out is not a terminal, nothing is drawn.
func NewBar(out io.Writer, total int, noun string) *Bar {
	if !printers.IsTerminal(out) {
		out = io.Discard
	}
	return DrawBar(out, total, noun)
}

// DrawBar draws an empty bar, also if out is not a terminal.
func DrawBar(out io.Writer, total int, noun string) *Bar {
	b := &Bar{out: out, total: max(total, 1), noun: noun}
	b.draw()
	return b
}

// Step counts one step.
func (b *Bar) Step(succeeded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	if !succeeded {
		b.failed++
	}
	b.draw()
}

// Clear removes the bar, so that the next output begins on an empty line.
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

// print ignores errors: the work goes on without a bar.
func (b *Bar) print(format string, args ...any) { _, _ = fmt.Fprintf(b.out, format, args...) }
