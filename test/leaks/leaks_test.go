// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package leaks_test

import (
	"encoding/base64"
	"slices"
	"strings"
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

func TestScan(t *testing.T) {
	token := "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJrdWJlcm5ldGVzL3NlcnZpY2VhY2NvdW50Iiwic3ViIjoiYSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
	found, err := leaks.Scan(t.Context(), "../..", map[string]string{
		"plain":   "token: " + token,
		"encoded": `{"value":"` + base64.StdEncoding.EncodeToString([]byte("token: "+token)) + `"}`,
		"message": `cannot request a token: Post "https://a"; the UID is 2f0b9a5e-6d0c-4b8e-9a39-0d3f1c6f5d11`,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"plain": true, "encoded": true, "message": false} {
		if got := slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, name+" ") }); got != want {
			t.Errorf("%s: found: %t, want %t: %q", name, got, want, found)
		}
	}
	if text := strings.Join(found, " "); strings.Contains(text, token) {
		t.Error("the findings have the token itself")
	}
}
