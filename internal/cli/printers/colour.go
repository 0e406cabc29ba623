// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package printers prints tables with coloured cells, and a progress bar, to a terminal.
//
// kubectl's table printer has no colours, and counts colour codes in a cell as width. This one measures the text alone, and
// escapes every cell: a ClusterProfile may contain any text, including escape sequences for the terminal.
package printers

import (
	"io"
	"strings"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"
)

// Tone is the meaning of a text, which a palette renders as a colour.
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

// ToneOf returns the tone of a condition's status.
func ToneOf(status metav1.ConditionStatus) Tone {
	switch status {
	case metav1.ConditionTrue:
		return Good
	case metav1.ConditionFalse:
		return Bad
	default:
		return Doubtful
	}
}

// Palette colours texts, if the output supports it.
type Palette struct{ colours bool }

// PaletteFor returns a palette with colours if out is a terminal that supports them, and NO_COLOR is not set.
func PaletteFor(out io.Writer) Palette {
	return Palette{colours: printers.AllowsColorOutput(out)}
}

// Colourful returns a palette with colours.
func Colourful() Palette { return Palette{colours: true} }

// Paint returns a text in the colour of a tone.
func (p Palette) Paint(tone Tone, text string) string {
	code := codes[tone]
	if !p.colours || code == "" || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Printable returns an untrusted text as a single line without control characters. cli-runtime's EscapeTerminal keeps line breaks and
// marks that change the direction of writing.
func Printable(text string) string { return strings.Map(printable, text) }

// PrintableLines is Printable for a message of several lines, and keeps tabs.
func PrintableLines(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return printable(r)
	}, text)
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}
