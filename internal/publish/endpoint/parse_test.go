// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package endpoint_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// config is a good kubeconfig whose parts a test replaces.
type config struct {
	before, cluster, user, context, after, contexts string
}

// good is what the kubeadm control plane provider writes.
func good() config {
	return config{
		cluster: "server: https://10.0.0.1:6443\n    certificate-authority-data: " + base64.StdEncoding.EncodeToString(ca),
		user:    "token: s3cr3t",
		context: "current-context: admin@c1",
	}
}

func (c config) bytes() []byte {
	return fmt.Appendf(nil, `%s
apiVersion: v1
kind: Config
clusters:
- name: c1
  cluster:
    %s
users:
- name: admin
  user:
    %s
contexts:
- name: admin@c1
  context: {cluster: c1, user: admin}%s
%s
%s
`, c.before, c.cluster, c.user, c.contexts, c.context, c.after)
}

var ca = certificate()

func TestParse(t *testing.T) {
	several, err := os.ReadFile("testdata/several-contexts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		why  string
		raw  []byte
		want endpoint.Endpoint
	}{
		"AsClusterAPIWritesIt": {
			why: "the ordinary case", raw: good().bytes(),
			want: endpoint.Endpoint{Server: "https://10.0.0.1:6443", CertificateAuthorityData: ca},
		},
		"ManyContexts": {
			why: "somebody's own kubeconfig, with all that there is",
			raw: with(func(c *config) {
				for n := range 1000 {
					c.contexts += fmt.Sprintf("\n- name: c%d\n  context: {cluster: other, namespace: a, user: other}", n)
				}
			}),
			want: endpoint.Endpoint{Server: "https://10.0.0.1:6443", CertificateAuthorityData: ca},
		},
		"ClientCertificate": {
			why:  "most providers authenticate so",
			raw:  with(func(c *config) { c.user = "client-certificate-data: YQ==\n    client-key-data: Yg==" }),
			want: endpoint.Endpoint{Server: "https://10.0.0.1:6443", CertificateAuthorityData: ca},
		},
		"SeveralContexts": {
			why: "the current context decides, not the order of a map", raw: several,
			want: endpoint.Endpoint{Server: "https://second.example.com:6443"},
		},
		"NoScheme": {
			why: "client-go assumes https; exec plugins and Kueue refuse it", raw: withServer("10.0.0.1:6443"),
			want: endpoint.Endpoint{Server: "https://10.0.0.1:6443"},
		},
		"NoPort": {
			why: "EKS gives none, and Kueue wants one before an IPv6 address", raw: withServer("https://api.example.com"),
			want: endpoint.Endpoint{Server: "https://api.example.com:443"},
		},
		"IPv6": {
			why: "brackets stay", raw: withServer("'https://[fd00::1]:6443'"),
			want: endpoint.Endpoint{Server: "https://[fd00::1]:6443"},
		},
		"IPv6NoPort": {
			why: "without a port Kueue takes the brackets for a part of the name", raw: withServer("'https://[fd00::1]'"),
			want: endpoint.Endpoint{Server: "https://[fd00::1]:443"},
		},
		"UpperCase": {
			why: "EKS has it so; Kueue and TLS do not mind the case", raw: withServer("https://0A1B2C3D.gr7.eu-west-1.eks.amazonaws.com"),
			want: endpoint.Endpoint{Server: "https://0A1B2C3D.gr7.eu-west-1.eks.amazonaws.com:443"},
		},
		"NoCertificateAuthority": {
			why: "ROSA has a certificate that the system's roots vouch for", raw: withServer("https://api.rosa.example.com:443"),
			want: endpoint.Endpoint{Server: "https://api.rosa.example.com:443"},
		},
		"LongestProxyAndServerName": {
			why:  "the limits of v1alpha2",
			raw:  withServer("https://10.0.0.1:6443\n    proxy-url: " + longProxy(2048) + "\n    tls-server-name: " + longName(253)),
			want: endpoint.Endpoint{Server: "https://10.0.0.1:6443", ProxyURL: longProxy(2048), TLSServerName: longName(253)},
		},
		"ServerNameIsAnAddress": {
			why: "certificates may name addresses", raw: withServer("https://a:1\n    tls-server-name: 'fd00::1'"),
			want: endpoint.Endpoint{Server: "https://a:1", TLSServerName: "fd00::1"},
		},
		"Path": {
			why: "proxies distinguish clusters by paths", raw: withServer("https://proxy.example.com:9092/team-a/c1"),
			want: endpoint.Endpoint{Server: "https://proxy.example.com:9092/team-a/c1"},
		},
		"ProxyAndServerName": {
			why:  "k0smotron tunnels, and private load balancers have another name",
			raw:  withServer("https://10.0.0.1:6443\n    proxy-url: http://proxy:3128\n    tls-server-name: kubernetes"),
			want: endpoint.Endpoint{Server: "https://10.0.0.1:6443", ProxyURL: "http://proxy:3128", TLSServerName: "kubernetes"},
		},
		"Insecure": {
			why: "reported, not rejected: consumers decide", raw: withServer("https://10.0.0.1:6443\n    insecure-skip-tls-verify: true"),
			want: endpoint.Endpoint{Server: "https://10.0.0.1:6443", InsecureSkipTLSVerify: true},
		},
		"KeyInTheBundle": {
			why: "a private key beside the certificate must not be published",
			raw: with(func(c *config) {
				c.cluster = "server: https://10.0.0.1:6443\n    " +
					"certificate-authority-data: " + base64.StdEncoding.EncodeToString(append(bytes.Clone(ca), "-----BEGIN EC "+
					"PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n"...))
			}),
			want: endpoint.Endpoint{Server: "https://10.0.0.1:6443", CertificateAuthorityData: ca},
		},
		"JSON": {
			why: "JSON is YAML",
			raw: []byte(`{"apiVersion":"v1","kind":"Config","current-context":"x","contexts":[{"name":"x",` +
				`"context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"https://a:1"}}],` +
				`"users":[{"name":"u","user":{"token":"t"}}]}`),
			want: endpoint.Endpoint{Server: "https://a:1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := endpoint.Parse(tc.raw)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestParseRejects(t *testing.T) {
	noise := make([]byte, 1<<20)
	mathrand.New(mathrand.NewSource(1)).Read(noise)
	for name, tc := range map[string]struct {
		raw    []byte
		reason endpoint.Reason
		says   string
	}{
		"Empty":     {raw: nil, reason: endpoint.Empty, says: "empty"},
		"Noise":     {raw: noise, reason: endpoint.TooLarge, says: "1048576 bytes"},
		"SomeNoise": {raw: noise[:1000], reason: endpoint.Malformed, says: "not a v1 Config"},
		"Aliases":   {raw: fixture.KubeconfigOfAliases(), reason: endpoint.TooLarge, says: "aliases"},
		"Elements":  {raw: []byte("a: [" + strings.Repeat("b,", 10_001) + "]"), reason: endpoint.TooLarge, says: "10000 lines and elements"},
		"FewAliases": {
			raw:    with(func(c *config) { c.before, c.context = "extra: [&n admin@c2]", "current-context: *n" }),
			reason: endpoint.NoCurrentContext,
			says:   "admin@c2",
		},
		"BadAliases":  {raw: []byte("apiVersion: v1\nkind: &k Config\nusers: [*k, s3cr3t"), reason: endpoint.Malformed, says: "line"},
		"BadYAML":     {raw: []byte("apiVersion: v1\nkind: Config\nusers: [s3cr3t"), reason: endpoint.Malformed, says: "line"},
		"AnotherKind": {raw: []byte("apiVersion: v1\nkind: Secret\n"), reason: endpoint.Malformed, says: "not a v1 Config"},
		"NoCurrentContext": {
			raw:    with(func(c *config) { c.context = "" }),
			reason: endpoint.NoCurrentContext,
			says:   "current-context: not set",
		},
		"DanglingContext": {
			raw:    with(func(c *config) { c.context = "current-context: other" }),
			reason: endpoint.NoCurrentContext,
			says:   `no context "other"`,
		},
		"Extensions": {
			raw:    with(func(c *config) { c.after = "extensions: [{name: x, extension: {}}]" }),
			reason: endpoint.UnsupportedExtensions,
			says:   "extensions",
		},
		"Exec": {
			raw:    withUser("exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}"),
			reason: endpoint.ExecUser,
			says:   "users[admin].exec",
		},
		"AuthProvider": {
			raw:    withUser("auth-provider: {name: gcp}"),
			reason: endpoint.AuthProviderUser,
			says:   "users[admin].auth-provider",
		},
		"TokenFile": {
			raw:    withUser("tokenFile: /var/run/secrets/token"),
			reason: endpoint.FileReference,
			says:   "users[admin].tokenFile",
		},
		"CertificateFile": {
			raw:    withUser("client-certificate: /a\n    client-key: /b"),
			reason: endpoint.FileReference,
			says:   "client-certificate",
		},
		"KeyFile": {
			raw:    withUser("client-certificate-data: YQ==\n    client-key: /b"),
			reason: endpoint.FileReference,
			says:   "client-key",
		},
		"HalfAPair": {raw: withUser("client-certificate-data: YQ=="), reason: endpoint.NoCredentials, says: "set together"},
		"Basic": {
			raw:    withUser("username: a\n    password: s3cr3t"),
			reason: endpoint.NoCredentials,
			says:   "neither a token nor a client certificate",
		},
		"CAFile": {
			raw:    withServer("https://a:1\n    certificate-authority: /etc/ca.crt"),
			reason: endpoint.FileReference,
			says:   "certificate-authority",
		},
		"CANoPEM": {
			raw:    withServer("https://a:1\n    certificate-authority-data: aGVsbG8="),
			reason: endpoint.InvalidCA,
			says:   "no PEM certificate",
		},
		"CATooLarge": {
			raw:    withServer("https://a:1\n    certificate-authority-data: " + base64.StdEncoding.EncodeToString(bytes.Repeat(ca, 200))),
			reason: endpoint.InvalidCA,
			says:   "at most",
		},
		"CAAndInsecure": {
			raw:    with(func(c *config) { c.cluster += "\n    insecure-skip-tls-verify: true" }),
			reason: endpoint.InvalidCA,
			says:   "insecure-skip-tls-verify",
		},
		"NoServer":  {raw: withServer("''"), reason: endpoint.InvalidServer, says: "not set"},
		"PlainHTTP": {raw: withServer("http://10.0.0.1:8080"), reason: endpoint.InvalidServer, says: "https only"},
		"PasswordInServer": {
			raw:    withServer("https://a:s3cr3t@10.0.0.1:6443"),
			reason: endpoint.InvalidServer,
			says:   "user name or password",
		},
		"Query":    {raw: withServer("https://10.0.0.1:6443/?token=s3cr3t"), reason: endpoint.InvalidServer, says: "query"},
		"BareIPv6": {raw: withServer("https://fd00::1:6443"), reason: endpoint.InvalidServer, says: "brackets"},
		"BadPort":  {raw: withServer("https://10.0.0.1:99999"), reason: endpoint.InvalidServer, says: "port"},
		"LongServer": {
			raw:    withServer("https://a/" + strings.Repeat("x", 2048)),
			reason: endpoint.InvalidServer,
			says:   "at most 2048",
		},
		"Underscore": {
			raw:    withServer("https://my_api.example.com:6443"),
			reason: endpoint.InvalidServer,
			says:   `"my_api.example.com" is neither an IP address nor a DNS name`,
		},
		"TrailingDot": {raw: withServer("https://api.example.com.:6443"), reason: endpoint.InvalidServer, says: "ends with a dot"},
		"Zone":        {raw: withServer("'https://[fe80::1%25eth0]:6443'"), reason: endpoint.InvalidServer, says: "zone"},
		"LongHost": {
			raw:    withServer("https://" + longName(254)),
			reason: endpoint.InvalidServer,
			says:   "neither an IP address nor a DNS name",
		},
		"LongServerName": {
			raw:    withServer("https://a:1\n    tls-server-name: " + longName(254)),
			reason: endpoint.InvalidTLSServerName,
			says:   "neither an IP address nor a DNS name",
		},
		"OddServerName": {
			raw:    withServer("https://a:1\n    tls-server-name: 'a b'"),
			reason: endpoint.InvalidTLSServerName,
			says:   "cluster.tls-server-name",
		},
		"LongProxy": {
			raw:    withServer("https://a:1\n    proxy-url: " + longProxy(2049)),
			reason: endpoint.InvalidProxy,
			says:   "at most 2048",
		},
		"ProxyQuery": {
			raw:    withServer("https://a:1\n    proxy-url: http://proxy:3128/?token=s3cr3t"),
			reason: endpoint.InvalidProxy,
			says:   "query",
		},
		"ProxyPortOnly": {
			raw:    withServer("https://a:1\n    proxy-url: 'http://:3128'"),
			reason: endpoint.InvalidProxy,
			says:   "absolute URL",
		},
		"PasswordInProxy": {
			raw:    withServer("https://a:1\n    proxy-url: http://u:s3cr3t@proxy"),
			reason: endpoint.InvalidProxy,
			says:   "user name or password",
		},
		"ProxyScheme": {
			raw:    withServer("https://a:1\n    proxy-url: ftp://proxy"),
			reason: endpoint.InvalidProxy,
			says:   `scheme "ftp"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := endpoint.Parse(tc.raw)
			var rejected *endpoint.RejectedError
			if !errors.As(err, &rejected) {
				t.Fatalf("accepted as %+v; want %s", got, tc.reason)
			}
			if rejected.Reason != tc.reason || !strings.Contains(rejected.Message, tc.says) {
				t.Errorf("rejected with %v; want %s with %q", rejected, tc.reason, tc.says)
			}
			if strings.Contains(rejected.Error(), "s3cr3t") {
				t.Errorf("the rejection quotes a secret: %v", rejected)
			}
		})
	}
}

// longName is a DNS name of so many characters.
func longName(length int) string {
	return strings.TrimSuffix(strings.Repeat(strings.Repeat("a", 49)+".", 6)[:length-1], ".") + "b"
}

// longProxy is the URL of a proxy of so many characters.
func longProxy(length int) string {
	const proxy = "http://proxy:3128/"
	return proxy + strings.Repeat("x", length-len(proxy))
}

func with(change func(*config)) []byte {
	c := good()
	change(&c)
	return c.bytes()
}

func withServer(server string) []byte {
	return with(func(c *config) { c.cluster = "server: " + server })
}

func withUser(user string) []byte {
	return with(func(c *config) { c.user = user })
}

func certificate() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
