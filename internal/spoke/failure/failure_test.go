// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package failure_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

func TestPrintable(t *testing.T) {
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
			got := failure.Printable(tc.text, tc.limit)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if len(got) > tc.limit || !utf8.ValidString(got) {
				t.Errorf("%s: %q", tc.why, got)
			}
		})
	}
}

func TestFrom(t *testing.T) {
	inner := failure.New("Inner", "because of %s", strings.Repeat("x", 2*failure.MaxMessage))
	if len(inner.Message) > failure.MaxMessage {
		t.Errorf("a message of %d bytes", len(inner.Message))
	}
	if got := failure.From(fmt.Errorf("wrapped: %w", inner), "Other"); got != inner {
		t.Errorf("a failure is not found below its wrapping: %v", got)
	}
	if got := failure.From(errors.New("unforeseen"), "Other"); got.Error() != "Other: unforeseen" {
		t.Errorf("an error without a reason: %v", got)
	}
	if failure.From(nil, "Other") != nil {
		t.Error("no error became a failure")
	}
}
