// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"maps"
	"slices"
)

const (
	// maxText is the length at which the texts of a tile are cut; the details have them in full.
	maxText = 200
	// maxPairs is the number of labels, and of properties, that a tile has; the details have all.
	maxPairs = 64
)

// cut returns a text of at most maxText runes.
func cut(text string) string {
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return text
}

// bound returns the first labels or properties by name, with their values cut; nil if there are none.
func bound(pairs map[string]string) map[string]string {
	if len(pairs) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(pairs))
	out := make(map[string]string, min(len(names), maxPairs))
	for _, name := range names[:min(len(names), maxPairs)] {
		out[name] = cut(pairs[name])
	}
	return out
}
