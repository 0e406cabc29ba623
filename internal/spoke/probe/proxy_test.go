// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
)

// TestProxyCertificateIsVerified: the certificate of a TLS proxy is verified by the system's authorities, and the proxy does not get the
// credentials for the spoke.
func TestProxyCertificateIsVerified(t *testing.T) {
	ours := newAuthority(t)
	mux := http.NewServeMux()
	for path, answer := range working() {
		mux.HandleFunc(path, answer)
	}
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = quiet
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ours.sign(t, func(*x509.Certificate) {})}}
	server.StartTLS()
	defer server.Close()
	config := rest.CopyConfig(spoke.Config())
	config.Host, config.CAData = server.URL, ours.pem
	for name, tc := range map[string]struct {
		certificate tls.Certificate
		want        string
	}{
		"Trusted": {system.sign(t, func(*x509.Certificate) {}), ""},
		"Untrusted": {
			ours.sign(t, func(*x509.Certificate) {}),
			"ConnectFailed: The certificate of the proxy PROXY was signed by an authority the consumer's system does not know",
		},
		"Expired": {
			system.sign(t, func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
			}),
			"ConnectFailed: The certificate of the proxy PROXY is valid from 2020-01-01 to 2021-01-01 only; it has " +
				"expired, or a clock is wrong",
		},
		"OtherName": {system.sign(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"proxy.test"} }),
			"ConnectFailed: The certificate of the proxy PROXY is for proxy.test, not for 127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			var shown sync.Map
			proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, certificate := range r.TLS.PeerCertificates {
					shown.Store(certificate.Subject.String(), true)
				}
				tunnel(w, r)
			}))
			proxy.Config.ErrorLog = quiet
			proxy.TLS = &tls.Config{
				Certificates: []tls.Certificate{tc.certificate},
				ClientAuth:   tls.RequestClientCert,
				NextProtos:   []string{"http/1.1"},
			}
			proxy.StartTLS()
			defer proxy.Close()
			seen := newProber().Probe(t.Context(), through(proxy.URL, config), "")
			got := ""
			if seen.Failure != nil {
				got = strings.ReplaceAll(seen.Failure.Error(), proxy.Listener.Addr().String(), "PROXY")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			shown.Range(func(subject, _ any) bool {
				t.Errorf("the proxy was shown the certificate of %s", subject)
				return true
			})
			if tc.want != "" {
				return
			}
			var steps []string
			for _, step := range seen.Steps[:4] {
				steps = append(steps, step.Name)
			}
			if diff := cmp.Diff([]string{"connect", "proxy-tls", "proxy", "tls"}, steps); diff != "" {
				t.Errorf("steps -want +got:\n%s", diff)
			}
		})
	}
}
