// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lookup_test

import (
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
)

func TestSuggest(t *testing.T) {
	names := []string{"london", "paris", "prod-eu-1", "prod-eu-2", "a"}
	cases := map[string]struct{ why, name, want string }{
		"Missing":   {why: "a missing letter", name: "lndon", want: "london"},
		"Swapped":   {why: "a transposition counts as one", name: "pairs", want: "paris"},
		"Case":      {why: "names have no capitals, but users may type them", name: "London", want: "london"},
		"FirstOf":   {why: "of two with the same distance the first, so that the result is stable", name: "prod-eu-3", want: "prod-eu-1"},
		"Stranger":  {why: "a name that differs much is not suggested", name: "tokyo", want: ""},
		"OneLetter": {why: "a short name allows fewer differences", name: "xy", want: ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := lookup.Suggest(tc.name, names)
			if got != tc.want || ok != (tc.want != "") {
				t.Errorf("%s: Suggest(%q) = %q, %t; want %q", tc.why, tc.name, got, ok, tc.want)
			}
		})
	}
}
