// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package federation_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	certutil "k8s.io/client-go/util/cert"

	"github.com/capi-inventory/capi-inventory/internal/spoke/federation"
)

// authority returns a certificate in PEM, and its fingerprint.
func authority(t *testing.T, host string) (certificate []byte, fingerprint string) {
	t.Helper()
	bundle, _, err := certutil.GenerateSelfSignedCertKey(host, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(bundle)
	return pem.EncodeToMemory(block), fmt.Sprintf("%x", sha256.Sum256(block.Bytes))
}

func TestAudience(t *testing.T) {
	london, fingerprint := authority(t, "london.example.com")
	text := append([]byte("the authority of london\n"), london...)
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("no certificate")})
	server := "https://london.example.com:6443"
	prefixed := federation.DefaultAudiencePrefix + server
	cases := map[string]struct {
		why     string
		cluster clientauthenticationv1.Cluster
		want    string
		err     string
	}{
		"Private": {why: "what Cluster API's clusters have", cluster: clientauthenticationv1.Cluster{
			Server: server, CertificateAuthorityData: london,
		}, want: prefixed + "#sha256:" + fingerprint},
		"Text": {why: "TLS clients skip what is not a certificate", cluster: clientauthenticationv1.Cluster{
			Server: server, CertificateAuthorityData: append(text, key...),
		}, want: prefixed + "#sha256:" + fingerprint},
		"Public": {why: "the roots of the system", cluster: clientauthenticationv1.Cluster{Server: server}, want: prefixed},
		"Slash":  {why: "it leads to the same server", cluster: clientauthenticationv1.Cluster{Server: server + "/"}, want: prefixed},
		"Path": {why: "several servers at one host", cluster: clientauthenticationv1.Cluster{Server: server + "/a%2fb"},
			want: prefixed + "/a%2fb"},
		"Address": {why: "IPv6", cluster: clientauthenticationv1.Cluster{Server: "https://[fd00::1]:6443"},
			want: federation.DefaultAudiencePrefix + "https://[fd00::1]:6443"},
		"TLSServerName": {why: "it changes nothing", cluster: clientauthenticationv1.Cluster{
			Server: server, TLSServerName: "london.example.com",
		}, want: prefixed},
		"Plain": {why: "anybody could read the token", cluster: clientauthenticationv1.Cluster{Server: "http://london.example.com"},
			err: "spec.cluster.server: is not an https URL with a host"},
		"NoHost": {why: "no server", cluster: clientauthenticationv1.Cluster{Server: "https:///path"},
			err: "spec.cluster.server: is not an https URL with a host"},
		"Password": {why: "an error must not quote it", cluster: clientauthenticationv1.Cluster{Server: "https://me:swordfish@a"},
			err: "spec.cluster.server: must have no user, query or fragment"},
		"Query": {why: "the audience could end in another's fingerprint", cluster: clientauthenticationv1.Cluster{Server: server + "?a"},
			err: "spec.cluster.server: must have no user, query or fragment"},
		"Fragment": {why: "likewise", cluster: clientauthenticationv1.Cluster{Server: server + "#sha256:" + fingerprint},
			err: "spec.cluster.server: must have no user, query or fragment"},
		"Long": {why: "bounded", cluster: clientauthenticationv1.Cluster{Server: server + strings.Repeat("/x", 2000)},
			err: "spec.cluster.server: has more than 2048 bytes"},
		"Garbage": {why: "no TLS client would connect", cluster: clientauthenticationv1.Cluster{
			Server: server, CertificateAuthorityData: []byte("garbage"),
		}, err: "spec.cluster.certificate-authority-data: has no certificate in PEM, or one that cannot be parsed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := federation.Audience(federation.DefaultAudiencePrefix, &tc.cluster)
			if got != tc.want || errorText(err) != tc.err {
				t.Errorf("%s: %q, error %q; want %q, error %q", tc.why, got, errorText(err), tc.want, tc.err)
			}
		})
	}
}

// TestAudienceIsOfOneServer: the writer of a profile, who wants a token that the spoke accepts and that another server receives, changes
// something that decides who receives it. Then the audience is another one, or there is none.
func TestAudienceIsOfOneServer(t *testing.T) {
	london, fingerprint := authority(t, "london.example.com")
	own, _ := authority(t, "london.example.com")
	const server = "https://london.example.com:6443"
	spoke := clientauthenticationv1.Cluster{Server: server, CertificateAuthorityData: london}
	want, err := federation.Audience("", &spoke)
	if err != nil {
		t.Fatal(err)
	}
	for why, change := range map[string]func(*clientauthenticationv1.Cluster){
		"another server":                    func(c *clientauthenticationv1.Cluster) { c.Server = "https://writer.example.com:6443" },
		"another port":                      func(c *clientauthenticationv1.Cluster) { c.Server = "https://london.example.com:8443" },
		"another path":                      func(c *clientauthenticationv1.Cluster) { c.Server = server + "/proxy" },
		"another authority, behind a proxy": func(c *clientauthenticationv1.Cluster) { c.CertificateAuthorityData = own },
		"another authority beside the spoke's": func(c *clientauthenticationv1.Cluster) {
			c.CertificateAuthorityData = bytes.Join([][]byte{london, own}, nil)
		},
		"another authority before the spoke's": func(c *clientauthenticationv1.Cluster) {
			c.CertificateAuthorityData = bytes.Join([][]byte{own, london}, nil)
		},
		"public authorities":             func(c *clientauthenticationv1.Cluster) { c.CertificateAuthorityData = nil },
		"any certificate":                func(c *clientauthenticationv1.Cluster) { c.InsecureSkipTLSVerify = true },
		"a server of the same authority": func(c *clientauthenticationv1.Cluster) { c.TLSServerName = "paris.example.com" },
		"the fingerprint in the URL": func(c *clientauthenticationv1.Cluster) {
			c.Server, c.CertificateAuthorityData = server+"#sha256:"+fingerprint, nil
		},
		"the fingerprint in the path": func(c *clientauthenticationv1.Cluster) {
			c.Server, c.CertificateAuthorityData = server+"/%23sha256:"+fingerprint, nil
		},
		"the fingerprint in the query": func(c *clientauthenticationv1.Cluster) {
			c.Server, c.CertificateAuthorityData = server+"?#sha256:"+fingerprint, nil
		},
	} {
		changed := spoke
		change(&changed)
		if got, err := federation.Audience("", &changed); err == nil && got == want {
			t.Errorf("%s: the token would be sent there, and the spoke accepts it: %s", why, got)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
