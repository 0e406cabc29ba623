// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package leaks_test

import (
	"testing"

	"github.com/capi-inventory/capi-inventory/test/leaks"
)

func TestFind(t *testing.T) {
	for text, found := range map[string]int{
		"cannot request a token: Post \"https://a\"":  0,
		"users:\n- name: a\n  user:\n    token: abc":  1,
		`{"value":"user:\n    token: abc"}`:           1,
		"Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrIn0": 1,
		"-----BEGIN RSA PRIVATE KEY-----":             1,
		"the value of marker-1":                       1,
		"the value of marker-3":                       0,
	} {
		if got := leaks.Find(text, "marker-1", "marker-2"); len(got) != found {
			t.Errorf("%q: want %d leaks, got %q", text, found, got)
		}
	}
}
