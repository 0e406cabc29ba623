// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// TestCertificateFailuresAreExplained: the failures of a certificate are distinguished, because the fixes are different.
func TestCertificateFailuresAreExplained(t *testing.T) {
	trusted := newAuthority(t)
	expired := trusted.sign(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	})
	elsewhere := trusted.sign(t, func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames = nil, []string{"a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com"}
	})
	cases := map[string]struct {
		why         string
		certificate tls.Certificate
		ca          []byte
		want        string
	}{
		"Expired": {
			why:         "the date says for how long already",
			certificate: expired,
			ca:          trusted.pem,
			want: "TLSFailed: The certificate of HOST is valid from 2020-01-01 to 2021-01-01 only; it has " +
				"expired, or a clock is wrong",
		},
		"UnknownAuthority": {
			why:         "a spoke whose authority was rotated without its profile",
			certificate: newAuthority(t).sign(t, func(*x509.Certificate) {}),
			ca:          trusted.pem,
			want: "TLSFailed: The certificate of HOST was signed by an authority that is not in the profile's " +
				"certificate-authority-data",
		},
		"NoAuthority": {
			why:         "a profile that forgot it",
			certificate: trusted.sign(t, func(*x509.Certificate) {}),
			want: "TLSFailed: The certificate of HOST was signed by an authority the consumer's system does not know, " +
				"and the profile brings none",
		},
		"WrongName": {
			why:         "an address that the certificate was not made for",
			certificate: elsewhere,
			ca:          trusted.pem,
			want: "TLSFailed: The certificate of HOST is for a.example.com, b.example.com, c.example.com, d.example.com " +
				"and 1 more, not for 127.0.0.1",
		},
		"Good": {
			why:         "the test's own certificates are in order",
			certificate: trusted.sign(t, func(*x509.Certificate) {}),
			ca:          trusted.pem,
			want:        "NotReady: The server's answer to /version names no version; is it a Kubernetes API server?",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{tc.certificate}}
			server.Config.ErrorLog = quiet
			server.StartTLS()
			defer server.Close()
			config := at(server.URL)
			config.CAData = tc.ca
			seen := newProber().Probe(t.Context(), config, "")
			got := strings.ReplaceAll(failure.From(seen.Failure, "").Error(), server.Listener.Addr().String(), "HOST")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestRefusedClientCertificatesAreExplained: a server, or a proxy before it, may refuse a client certificate without a 401.
func TestRefusedClientCertificatesAreExplained(t *testing.T) {
	ours := newAuthority(t)
	clients := x509.NewCertPool()
	clients.AddCert(ours.certificate)
	for name, version := range map[string]uint16{"TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = quiet
			server.TLS = &tls.Config{
				Certificates: []tls.Certificate{ours.sign(t, func(*x509.Certificate) {})},
				ClientAuth:   tls.RequireAndVerifyClientCert,
				ClientCAs:    clients,
				MaxVersion:   version,
			}
			server.StartTLS()
			defer server.Close()
			config := at(server.URL)
			config.CAData = ours.pem
			config.CertData, config.KeyData = spoke.Config().CertData, spoke.Config().KeyData
			if got := newProber().Probe(t.Context(), config, "").Failure; got == nil || got.Reason != v1alpha1.ReasonUnauthorized {
				t.Errorf("with the certificate of another user: %v", got)
			}
		})
	}
}
