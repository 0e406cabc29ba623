// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"

	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// short is the deadline of each step where a case is about reaching it.
const short = 300 * time.Millisecond

// TestConnectionFailuresAreExplained is about everything at a published address that is not a healthy API server.
func TestConnectionFailuresAreExplained(t *testing.T) {
	closed := closedPort(t)
	silent := listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	rude := listen(t, func(net.Conn) {})
	chatty := listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.9\r\n") })
	cases := map[string]struct {
		why     string
		config  *rest.Config
		reason  string
		message string
	}{
		"NoSuchName": {
			why:    "a load balancer that was deleted",
			config: at("https://no-such-host.invalid:6443"),
			reason: v1alpha1.ReasonNameNotResolved,
		},
		"Refused": {
			why:     "the API server is down",
			config:  at("https://" + closed),
			reason:  v1alpha1.ReasonConnectFailed,
			message: "The server " + closed + " refuses connections: nothing listens there",
		},
		"Silent": {
			why:     "a node that hangs, or a firewall that answers for it",
			config:  at("https://" + silent),
			reason:  v1alpha1.ReasonConnectFailed,
			message: "The server " + silent + " accepts connections but never answers: no TLS handshake within 300ms",
		},
		"HangsUp": {
			why:    "a load balancer without a server behind it",
			config: at("https://" + rude),
			reason: v1alpha1.ReasonConnectFailed,
			message: "The server " + rude + " accepts connections and closes them before TLS; a load balancer without a " +
				"server behind it does that",
		},
		"NoTLS": {
			why:     "the port of something else",
			config:  at("https://" + chatty),
			reason:  v1alpha1.ReasonTLSFailed,
			message: "The server " + chatty + " does not speak TLS",
		},
		"ProxyRefused": {
			why:     "the proxy is down, not the spoke",
			config:  through("http://"+closed, at("https://spoke:6443")),
			reason:  v1alpha1.ReasonConnectFailed,
			message: "The proxy " + closed + " refuses connections: nothing listens there",
		},
		"ProxySilent": {
			why:     "the proxy waits for the spoke",
			config:  through("http://"+silent, at("https://spoke:6443")),
			reason:  v1alpha1.ReasonConnectFailed,
			message: "The proxy " + silent + " accepts connections but did not connect to spoke:6443 within 300ms",
		},
		"SocksSilent": {
			why:     "likewise, of the other kind",
			config:  through("socks5://"+silent, at("https://spoke:6443")),
			reason:  v1alpha1.ReasonConnectFailed,
			message: "The proxy " + silent + " accepts connections but did not connect to spoke:6443 within 300ms",
		},
		"ProxyNoName": {
			why:    "it is the proxy's name that does not resolve",
			config: through("http://no-such-proxy.invalid:3128", at("https://spoke:6443")),
			reason: v1alpha1.ReasonNameNotResolved,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prober := newProber()
			if tc.message != "" {
				prober.Timeout = short
			}
			got := prober.Probe(t.Context(), tc.config, "").Failure
			if got == nil || tc.message == "" && got.Reason == tc.reason {
				if got == nil {
					t.Fatalf("%s: reachable", tc.why)
				}
				return
			}
			if diff := cmp.Diff(&failure.Error{Reason: tc.reason, Message: tc.message}, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestResponsesAreExplained is about what a server may send after the handshake.
func TestResponsesAreExplained(t *testing.T) {
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }
	var stolen atomic.Value
	thief := httptest.NewTLSServer(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen.Store(r.Header.Get("Authorization")) }),
	)
	t.Cleanup(thief.Close)
	cases := map[string]struct {
		why     string
		answers map[string]http.HandlerFunc
		want    string
	}{
		"NotReady": {
			why: "which check failed is the first thing to ask",
			answers: map[string]http.HandlerFunc{"/readyz": func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/rbac/bootstrap-roles "+
					"failed: reason withheld\nreadyz check failed\n")
			}},
			want: "NotReady: The API server is not ready: etcd, poststarthook/rbac/bootstrap-roles",
		},
		"BadGateway": {
			why:     "a proxy answers in the spoke's place",
			answers: map[string]http.HandlerFunc{"/readyz": status(http.StatusBadGateway)},
			want:    "NotReady: The server answered 502 to /readyz; is it a Kubernetes API server?",
		},
		"Redirect": {
			why: "a login page; following it would hand out the token",
			answers: map[string]http.HandlerFunc{"/readyz": func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, thief.URL, http.StatusFound)
			}},
			want: "NotReady: The server answered 302 to /readyz; is it a Kubernetes API server?",
		},
		"WebSite": {
			why:     "a web server says 200 to everything",
			answers: map[string]http.HandlerFunc{"/": ok},
			want:    "NotReady: The server's answer to /version names no version; is it a Kubernetes API server?",
		},
		"Silent": {
			why:     "an API server whose etcd hangs",
			answers: map[string]http.HandlerFunc{"/readyz": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
			want:    "NotReady: The API server did not answer readyz within 300ms",
		},
		"Drip": {
			why: "each byte must not extend the deadline",
			answers: map[string]http.HandlerFunc{"/readyz": ok, "/version": func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, " ")
					w.(http.Flusher).Flush()
					runtime.Gosched()
					select {
					case <-r.Context().Done():
					case <-time.After(10 * time.Millisecond):
					}
				}
			}},
			want: "NotReady: The API server did not answer version within 300ms",
		},
		"Flood": {
			why: "a body without an end",
			answers: map[string]http.HandlerFunc{"/readyz": ok, "/version": func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, strings.Repeat(" ", 4096))
				}
			}},
			want: "NotReady: The server's answer to /version names no version; is it a Kubernetes API server?",
		},
		"LongHeader": {
			why: "a header without an end",
			answers: map[string]http.HandlerFunc{"/readyz": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X", strings.Repeat("x", 1<<20))
			}},
			want: "NotReady: The API server's answer to readyz cannot be read: net/http: server response headers " +
				"exceeded 65536 bytes; aborted",
		},
		"HangsUp": {why: "an API server that is being killed", answers: map[string]http.HandlerFunc{
			"/readyz": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		},
			want: "NotReady: The API server closed the connection without an answer to readyz"},
		"Unauthorized": {why: "a 401 means the same wherever it comes", answers: map[string]http.HandlerFunc{
			"/readyz": ok, "/version": status(http.StatusUnauthorized),
		},
			want: "Unauthorized: The spoke refuses the credentials (401): they have expired, were revoked, or belong to another cluster"},
		"HardenedAndOld": {
			why: "a spoke that hides /readyz and /version and does not know SelfSubjectReviews has answered all the same",
			answers: map[string]http.HandlerFunc{
				"/readyz": status(http.StatusForbidden), "/version": status(http.StatusForbidden), "/": status(http.StatusNotFound)},
			want: "",
		},
		"Steering": {why: "a version with control characters reaches a status, but not them", answers: map[string]http.HandlerFunc{
			"/readyz": ok, "/version": func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"gitVersion": "v1\u001b[2J`+strings.Repeat("x", 1000)+`"}`)
			}, "/": status(http.StatusNotFound)}, want: ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, config := serve(t, tc.answers)
			defer server.Close()
			config.BearerToken = "secret"
			prober := newProber()
			if strings.HasSuffix(tc.want, "300ms") {
				prober.Timeout = short
			}
			seen := prober.Probe(t.Context(), config, "")
			got := ""
			if seen.Failure != nil {
				got = seen.Failure.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if len(seen.Version) > 64 || strings.ContainsRune(seen.Version, '\x1b') {
				t.Errorf("%s: version %q", tc.why, seen.Version)
			}
		})
	}
	t.Cleanup(func() {
		if token := stolen.Load(); token != nil {
			t.Errorf("a redirect was followed, with %q", token)
		}
	})
}

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

// TestProbeThroughProxy: a proxy is used, and its failures are its own.
func TestProbeThroughProxy(t *testing.T) {
	server, config := serve(t, map[string]http.HandlerFunc{"/": status(http.StatusTeapot)})
	defer server.Close()
	for name, tc := range map[string]struct {
		why     string
		connect http.HandlerFunc
		want    string
	}{
		"Through": {
			why:     "the answer is the server's",
			connect: tunnel,
			want:    "NotReady: The server answered 418 to /readyz; is it a Kubernetes API server?",
		},
		"Refused": {
			why:     "an egress policy that does not know the spoke",
			connect: status(http.StatusForbidden),
			want:    "ConnectFailed: The proxy PROXY answered 403 when asked for " + server.Listener.Addr().String(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := httptest.NewServer(tc.connect)
			defer proxy.Close()
			seen := newProber().Probe(t.Context(), through(proxy.URL, config), "")
			got := strings.ReplaceAll(seen.Failure.Error(), proxy.Listener.Addr().String(), "PROXY")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestLocalServersAreNotDialled: a name may resolve to the consumer's own machine, which is known only when it is dialled.
func TestLocalServersAreNotDialled(t *testing.T) {
	server, config := serve(t, map[string]http.HandlerFunc{"/": status(http.StatusTeapot)})
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	named := rest.CopyConfig(config)
	named.Host = "https://localhost:" + port
	for name, config := range map[string]*rest.Config{"Name": named, "Proxy": through("http://localhost:"+port, at("https://spoke"))} {
		t.Run(name, func(t *testing.T) {
			prober := newProber()
			prober.AllowLocalServers = false
			if got := prober.Probe(t.Context(), config, "").Failure; got == nil || got.Reason != v1alpha1.ReasonInvalidAccess {
				t.Errorf("a name that leads here: %v", got)
			}
		})
	}
}

// TestProbeLeavesNothingBehind: probes leave no goroutine and no connection behind, however they end.
func TestProbeLeavesNothingBehind(t *testing.T) {
	g := gomega.NewWithT(t)
	silent := listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	server, config := serve(t, map[string]http.HandlerFunc{
		"/readyz":  status(http.StatusOK),
		"/version": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	})
	defer server.Close()
	prober := newProber()
	prober.Timeout = 50 * time.Millisecond
	before := runtime.NumGoroutine()
	for range 20 {
		prober.Probe(t.Context(), at("https://"+silent), "")
		prober.Probe(t.Context(), through("http://"+silent, at("https://spoke")), "")
		prober.Probe(t.Context(), config, "")
		prober.Probe(t.Context(), spoke.Config(), "")
	}
	g.Eventually(runtime.NumGoroutine).WithTimeout(10 * time.Second).Should(gomega.BeNumerically("<=", before+2))
}

// quiet keeps the complaints of test servers, which are the point of the tests, out of their output.
var quiet = log.New(io.Discard, "", 0)

// at returns a configuration for a server, without credentials or a certificate authority.
func at(server string) *rest.Config { return &rest.Config{Host: server} }

func through(proxy string, config *rest.Config) *rest.Config {
	u, err := url.Parse(proxy)
	if err != nil {
		panic(err)
	}
	config = rest.CopyConfig(config)
	config.Proxy = http.ProxyURL(u)
	return config
}

// serve starts a server with responses by path; "/" is for all other paths.
func serve(t *testing.T, answers map[string]http.HandlerFunc) (*httptest.Server, *rest.Config) {
	t.Helper()
	mux := http.NewServeMux()
	for path, answer := range answers {
		mux.HandleFunc(path, answer)
	}
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = quiet
	server.StartTLS()
	config := at(server.URL)
	config.CAData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server, config
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// tunnel is what a proxy does with CONNECT.
func tunnel(w http.ResponseWriter, r *http.Request) {
	server, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(server, buffered) }()
	_, _ = io.Copy(client, server)
}

// listen opens a port whose connections are handled and then closed.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

// authority signs certificates for servers of this machine.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	made, err := makeAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (a *authority) sign(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	change(template)
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: a.key}
}
