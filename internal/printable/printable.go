// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package printable makes text from outside safe to publish and to print: tenants, spokes and plugins write names, versions and
// messages that end up in conditions, Events and terminals.
package printable

import (
	"strings"
	"unicode"
)

// Line returns text from outside as one line of at most limit bytes: what cannot be printed becomes a space, and runs of spaces
// become one.
func Line(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len("…")], "") + "…"
}

// WithoutUserInfo returns a URL from outside without a user name and password; it need not be a valid one.
func WithoutUserInfo(raw string) string {
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		return "…" + raw[at:]
	}
	return raw
}
