// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package printers

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// gap is the space between two columns, as in kubectl.
const gap = 3

// none is printed in an empty cell, as in kubectl.
const none = "<none>"

// maxCell is the length in runes at which a cell is cut, unless it is the last one of its row: all cells of a column are as wide as the
// longest, and a writer of one object must not widen the rows of thousands. It is longer than a namespace and a name together.
const maxCell = 320

// Cell is a text in a table.
type Cell struct {
	Text string
	Tone Tone
}

// Text is a plain cell.
func Text(text string) Cell { return Cell{Text: text} }

// Table prints aligned rows. Rows that are added after a Flush keep the widths of the columns, for a watch.
type Table struct {
	out     io.Writer
	palette Palette
	headers []string
	widths  []int
	rows    [][]Cell
	headed  bool
}

// NewTable returns a table with these headers.
func NewTable(out io.Writer, palette Palette, headers ...string) *Table {
	t := &Table{out: out, palette: palette, headers: headers}
	t.measure(headers)
	return t
}

// WithoutHeaders omits the headers.
func (t *Table) WithoutHeaders() *Table {
	t.headed = true
	t.widths = nil
	return t
}

// Add adds a row, which Flush prints. An empty cell is printed as <none>, and a long one is cut if it is not the last one.
func (t *Table) Add(cells ...Cell) {
	texts := make([]string, len(cells))
	for i := range cells {
		cells[i].Text = Printable(cells[i].Text)
		switch {
		case cells[i].Text == "":
			cells[i] = Cell{Text: none, Tone: Faint}
		case i < len(cells)-1:
			cells[i].Text = cut(cells[i].Text)
		}
		texts[i] = cells[i].Text
	}
	t.measure(texts)
	t.rows = append(t.rows, cells)
}

// Flush prints the rows that were added since the last Flush, after the headers if these have not been printed yet. Without rows,
// it prints nothing.
func (t *Table) Flush() error {
	if len(t.rows) == 0 {
		return nil
	}
	var b strings.Builder
	if !t.headed && len(t.headers) > 0 {
		headers := make([]Cell, len(t.headers))
		for i, header := range t.headers {
			headers[i] = Text(header)
		}
		t.line(&b, headers)
	}
	t.headed = true
	for _, row := range t.rows {
		t.line(&b, row)
	}
	t.rows = nil
	if _, err := io.WriteString(t.out, b.String()); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

func (t *Table) measure(texts []string) {
	for i, text := range texts {
		if i == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(text))
	}
}

func (t *Table) line(b *strings.Builder, cells []Cell) {
	for i, cell := range cells {
		b.WriteString(t.palette.Paint(cell.Tone, cell.Text))
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell.Text)+gap))
		}
	}
	b.WriteByte('\n')
}

// cut returns a text of at most maxCell runes.
func cut(text string) string {
	if len(text) <= maxCell {
		return text
	}
	if runes := []rune(text); len(runes) > maxCell {
		return string(runes[:maxCell-1]) + "…"
	}
	return text
}
