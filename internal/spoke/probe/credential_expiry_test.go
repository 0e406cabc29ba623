// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// TestExpirationsAreReported: a probe sees what ends at either side, before it does.
func TestExpirationsAreReported(t *testing.T) {
	ours := newAuthority(t)
	begins := time.Now().Add(-24 * time.Hour).Truncate(time.Second).UTC()
	ends := begins.Add(365 * 24 * time.Hour)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = quiet
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{ours.sign(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = begins, ends })},
	}
	server.StartTLS()
	defer server.Close()
	client, err := x509.ParseCertificate(decoded(t, spoke.Config().CertData))
	if err != nil {
		t.Fatal(err)
	}
	serving := probe.Expiration{What: v1alpha1.ExpiringServingCertificate, At: ends, Lifetime: ends.Sub(begins)}
	authority := probe.Expiration{
		What:     v1alpha1.ExpiringCertificateAuthority,
		At:       ours.certificate.NotAfter,
		Lifetime: ours.certificate.NotAfter.Sub(ours.certificate.NotBefore),
	}
	certificate := probe.Expiration{
		What:     v1alpha1.ExpiringClientCertificate,
		At:       client.NotAfter,
		Lifetime: client.NotAfter.Sub(client.NotBefore),
	}
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
	}
	for name, tc := range map[string]struct {
		why, token string
		want       []probe.Expiration
	}{
		"NoToken": {why: "certificates alone"},
		"Opaque":  {why: "a token that says nothing", token: "opaque"},
		"JWT": {
			why:   "a service account's token",
			token: token(`{"exp": 1800000000, "iat": 1790000000}`),
			want:  []probe.Expiration{{What: v1alpha1.ExpiringToken, At: time.Unix(1800000000, 0).UTC(), Lifetime: 10000000 * time.Second}},
		},
		"Fractions": {
			why:   "NumericDate may have them",
			token: token(`{"exp": 1800000000.7}`),
			want:  []probe.Expiration{{What: v1alpha1.ExpiringToken, At: time.Unix(1800000000, 0).UTC()}},
		},
		"WithoutEnd":  {why: "a legacy service account's token", token: token(`{"iss": "kubernetes/serviceaccount"}`)},
		"Nonsense":    {why: "what is no number is no time", token: token(`{"exp": "soon"}`)},
		"FarAway":     {why: "no status can hold that year", token: token(`{"exp": 1e300}`)},
		"NotJSON":     {why: "three parts do not make a JWT", token: "a.b.c"},
		"NotBase64":   {why: "likewise", token: "a.!.c"},
		"BeforeEpoch": {why: "likewise", token: token(`{"exp": -1}`)},
	} {
		t.Run(name, func(t *testing.T) {
			config := at(server.URL)
			config.CAData, config.BearerToken = ours.pem, tc.token
			want := append([]probe.Expiration{serving, authority}, tc.want...)
			if tc.token == "" {
				config.CertData, config.KeyData = spoke.Config().CertData, spoke.Config().KeyData
				want = append(want, certificate)
			}
			if diff := cmp.Diff(want, newProber().Probe(t.Context(), config, "").Expirations); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func decoded(t *testing.T, text []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}
