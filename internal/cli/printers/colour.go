// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package printers prints tables with coloured cells, and a progress bar, to a terminal.
//
// kubectl's table printer has no colours, and counts colour codes in a cell as width. This one measures the text alone, and
// escapes every cell: a ClusterProfile may contain any text, including escape sequences that rewrite the reader's screen.
package printers

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// Tone is what a text means, for which a palette has a colour.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Good
	Bad
	Doubtful
	Faint
)

var codes = map[Tone]string{Good: "32", Bad: "31", Doubtful: "33", Faint: "2"}

// Palette paints, or does not.
type Palette struct{ colours bool }

// PaletteFor paints where out is a terminal that shows colours and its user wants them (https://no-color.org).
func PaletteFor(out io.Writer) Palette {
	return Palette{colours: Interactive(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Colourful paints always.
func Colourful() Palette { return Palette{colours: true} }

// Paint gives a text the colour of a tone.
func (p Palette) Paint(tone Tone, text string) string {
	code := codes[tone]
	if !p.colours || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Interactive says whether out is a terminal.
func Interactive(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Printable is text from outside as one line that changes nothing but the place where it stands.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}
