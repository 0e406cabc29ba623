// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package endpoint_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
)

// FuzzParse holds what Parse promises for any bytes: a *RejectedError or an endpoint that consumers can use, and never a secret.
func FuzzParse(f *testing.F) {
	f.Add(good().bytes())
	f.Add(withServer("'https://[fd00::1]'"))
	f.Add(withUser("exec: {command: aws}"))
	f.Add([]byte("apiVersion: v1\nkind: Config\n"))
	f.Add([]byte("{}"))
	f.Add([]byte("a: &a xxxxxxxx\nb: &b [*a, *a]\nc: {<<: &c {d: *b}}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		parsed, err := endpoint.Parse(raw)
		var rejected *endpoint.RejectedError
		if err != nil {
			if !errors.As(err, &rejected) || rejected.Reason == "" || rejected.Message == "" {
				t.Fatalf("%v is not a rejection with a reason", err)
			}
			checkBounds(t, rejected)
		}
		if err != nil && !rejected.EndpointUsable {
			return
		}
		again, err := endpoint.NewEndpoint(parsed.Server, parsed.CertificateAuthorityData, parsed.TLSServerName)
		if err != nil {
			t.Fatalf("an accepted endpoint is rejected when it comes again: %v", err)
		}
		if again.Server != parsed.Server || !bytes.Equal(again.CertificateAuthorityData, parsed.CertificateAuthorityData) {
			t.Fatalf("normalizing is not stable: %q became %q", parsed.Server, again.Server)
		}
		if bytes.Contains(parsed.CertificateAuthorityData, []byte("PRIVATE KEY")) {
			t.Fatal("a private key passed")
		}
		if len(parsed.Server) > 2048 || len(parsed.ProxyURL) > 2048 || len(parsed.TLSServerName) > 253 {
			t.Fatal("an endpoint without bounds")
		}
	})
}
