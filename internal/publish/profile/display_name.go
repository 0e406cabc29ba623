// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"strings"
	"unicode"
)

// maxDisplayName is the length in characters of the longest display name: as long as the name of an object may be.
const maxDisplayName = 253

// displayName is a display name as it is published. An annotation may hold 256 KiB of anything; a name is one line that a
// terminal and a web page can show. It loses control characters and the marks that turn the direction of writing, which would
// change what stands beside it.
func displayName(annotation string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, annotation)
	name = strings.Join(strings.Fields(name), " ")
	if characters := []rune(name); len(characters) > maxDisplayName {
		return string(characters[:maxDisplayName-1]) + "…"
	}
	return name
}
