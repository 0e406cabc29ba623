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
		"Missing":   {why: "a letter left out", name: "lndon", want: "london"},
		"Swapped":   {why: "the commonest slip counts as one", name: "pairs", want: "paris"},
		"Case":      {why: "names have no capitals, people do", name: "London", want: "london"},
		"FirstOf":   {why: "of two as near, the first: the answer must not change from call to call", name: "prod-eu-3", want: "prod-eu-1"},
		"Stranger":  {why: "a wild guess is worse than none", name: "tokyo", want: ""},
		"OneLetter": {why: "a short name is soon another one", name: "xy", want: ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := lookup.Suggest(tc.name, names)
			if got != tc.want || ok != (tc.want != "") {
				t.Errorf("%s: To(%q) = %q, %t; want %q", tc.why, tc.name, got, ok, tc.want)
			}
		})
	}
}
