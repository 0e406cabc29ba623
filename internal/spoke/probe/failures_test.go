// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
const short = 3 * time.Second

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
			message: "The server " + silent + " accepts connections but never answers: no TLS handshake within 3s",
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
			message: "The proxy " + silent + " accepts connections but did not connect to spoke:6443 within 3s",
		},
		"SocksSilent": {
			why:     "likewise, of the other kind",
			config:  through("socks5://"+silent, at("https://spoke:6443")),
			reason:  v1alpha1.ReasonConnectFailed,
			message: "The proxy " + silent + " accepts connections but did not connect to spoke:6443 within 3s",
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
			want:    "NotReady: The API server did not answer readyz within 3s",
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
			want: "NotReady: The API server did not answer version within 3s",
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
			if strings.HasSuffix(tc.want, "within 3s") {
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
	g.Eventually(runtime.NumGoroutine).WithTimeout(2 * time.Minute).Should(gomega.BeNumerically("<=", before+2))
}
