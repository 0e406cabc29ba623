// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Expiration is when a certificate or token that the access to a spoke depends on expires.
type Expiration struct {
	// What expires.
	What v1alpha1.ExpiringKind
	// At is when.
	At time.Time
	// Lifetime is the whole time for which it is valid; zero if that is not known.
	Lifetime time.Duration
}

// maxToken is the size in bytes above which a token is not parsed.
const maxToken = 64 << 10

// serverExpirations returns when the server's certificate and its authority expire. state is nil without TLS.
func serverExpirations(state *tls.ConnectionState) []Expiration {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	all := []Expiration{ofCertificate(v1alpha1.ExpiringServingCertificate, state.PeerCertificates[0])}
	// Of several chains one is enough, so the one that expires last counts.
	var authority Expiration
	for _, chain := range state.VerifiedChains {
		var first Expiration
		for _, certificate := range chain[1:] {
			if ends := ofCertificate(v1alpha1.ExpiringCertificateAuthority, certificate); first.At.IsZero() || ends.At.Before(first.At) {
				first = ends
			}
		}
		if first.At.After(authority.At) {
			authority = first
		}
	}
	if !authority.At.IsZero() {
		all = append(all, authority)
	}
	return all
}

// credentialExpirations returns when the client certificate, and a token that is a JWT, expire.
func credentialExpirations(config *rest.Config) []Expiration {
	var all []Expiration
	if block, _ := pem.Decode(config.CertData); block != nil {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, ofCertificate(v1alpha1.ExpiringClientCertificate, certificate))
		}
	}
	if ends, ok := ofToken(config.BearerToken); ok {
		all = append(all, ends)
	}
	return all
}

func ofCertificate(what v1alpha1.ExpiringKind, certificate *x509.Certificate) Expiration {
	return Expiration{What: what, At: certificate.NotAfter, Lifetime: certificate.NotAfter.Sub(certificate.NotBefore)}
}

// ofToken reads the times of a JWT (RFC 7519). Its signature is verified by the spoke.
func ofToken(token string) (Expiration, bool) {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return Expiration{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Expiration{}, false
	}
	var claims struct {
		Expires  float64 `json:"exp"`
		IssuedAt float64 `json:"iat"`
	}
	// A date after the year 9999 cannot be encoded.
	const latest = 253402300799
	if json.Unmarshal(raw, &claims) != nil || claims.Expires <= 0 || claims.Expires > latest {
		return Expiration{}, false
	}
	ends := Expiration{What: v1alpha1.ExpiringToken, At: time.Unix(int64(claims.Expires), 0).UTC()}
	if claims.IssuedAt > 0 && claims.IssuedAt < claims.Expires {
		ends.Lifetime = ends.At.Sub(time.Unix(int64(claims.IssuedAt), 0))
	}
	return ends, true
}
