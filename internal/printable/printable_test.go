// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package printable_test

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/printable"
)

func TestLine(t *testing.T) {
	cases := map[string]struct {
		why, text, want string
		limit           int
	}{
		"Plain": {why: "nothing to do", text: "a b", limit: 9, want: "a b"},
		"Controls": {
			why:   "a terminal that prints a status must not be steered by a spoke",
			text:  "a\x1b[31mb\x00\r\nc",
			limit: 20,
			want:  "a [31mb c",
		},
		"Invalid": {why: "the hub refuses what is not UTF-8", text: "a\xffb", limit: 9, want: "a b"},
		"Long":    {why: "a cut must not leave half a letter", text: "ääää", limit: 7, want: "ää…"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := printable.Line(tc.text, tc.limit)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if len(got) > tc.limit || !utf8.ValidString(got) {
				t.Errorf("%s: %q", tc.why, got)
			}
		})
	}
}

func TestWithoutUserInfo(t *testing.T) {
	for raw, want := range map[string]string{
		"https://a.example.com:6443":            "https://a.example.com:6443",
		"https://user:pass@a.example.com":       "…@a.example.com",
		"http://u:p@ss@proxy.example.com:3128/": "…@proxy.example.com:3128/",
		"no URL: user:pass@":                    "…@",
		"":                                      "",
	} {
		if got := printable.WithoutUserInfo(raw); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
}
