// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// system is the authority that the system of these tests trusts.
var system *authority

// runTrusting runs the tests on a system that trusts an authority of ours, which is read once in a process.
func runTrusting(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "probe-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	if system, err = makeAuthority(); err != nil {
		return 1, err
	}
	file := filepath.Join(folder, "roots.pem")
	if err := os.WriteFile(file, system.pem, 0o600); err != nil {
		return 1, err
	}
	if err := os.Setenv("SSL_CERT_FILE", file); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func makeAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	return &authority{certificate: certificate, key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})}, nil
}

// addresses is what a name server says of every name.
type addresses []netip.Addr

func (a addresses) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return a, nil }

// working is what a spoke answers that is in order.
func working() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"/readyz":  status(http.StatusOK),
		"/version": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"gitVersion": "v1.36.3"}`) },
		"/":        status(http.StatusNotFound),
	}
}

// TestAllAddressesAreTried: a node of a control plane that is off drops packets, and its address is the first that the name
// server gives. Every other reader gets in by the second.
func TestAllAddressesAreTried(t *testing.T) {
	server, config := serve(t, working())
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	config.Host, config.ServerName = "https://spoke.test:"+port, "example.com"
	dropping(t, port)
	live, dead, refusing := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")
	for name, tc := range map[string]struct {
		addresses addresses
		want      string
	}{
		"DeadFirst":    {addresses{dead, live}, ""},
		"RefusedFirst": {addresses{refusing, live}, ""},
		"AllDead": {
			addresses{dead, dead},
			"ConnectFailed: The server spoke.test:" + port + " does not answer: no connection within 8s, packets seem " +
				"to be dropped on the way",
		},
		"NoneWorks": {
			addresses{dead, refusing},
			"ConnectFailed: The server spoke.test:" + port + " refuses connections: nothing listens there",
		},
		"OtherOrder": {
			addresses{refusing, dead},
			"ConnectFailed: The server spoke.test:" + port + " refuses connections: nothing listens there",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prober := newProber()
			prober.Timeout, prober.Resolver = 8*time.Second, tc.addresses
			got := ""
			if failed := prober.Probe(t.Context(), config, "").Failure; failed != nil {
				got = failed.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// dropping listens at 127.0.0.2 and accepts nothing. Its queue is full, so that the kernel drops further packets, as does a
// node that is off.
func dropping(t *testing.T, port string) {
	t.Helper()
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Port: number, Addr: [4]byte{127, 0, 0, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(socket, 0); err != nil {
		t.Fatal(err)
	}
	// A connection fills the queue; the first that is not accepted by the kernel proves that it is full.
	for range 16 {
		conn, err := net.DialTimeout("tcp", "127.0.0.2:"+port, time.Second)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Skip("this system's queue of connections has no end")
}

// TestNameServerFailureIsStable: the same problem has the same message every time: the error has our own port.
func TestNameServerFailureIsStable(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	prober := newProber()
	prober.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", closed.LocalAddr().String())
	}}
	for range 3 {
		got := prober.Probe(t.Context(), at("https://spoke.test:6443"), "").Failure
		want := &failure.Error{
			Reason:  v1alpha1.ReasonNameNotResolved,
			Message: "The name spoke.test cannot be resolved: the consumer's name server refuses connections",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// TestReviewsAreRepeated: a load balancer may close a connection after each answer without saying so. Reviews store nothing,
// so that one is asked again on a fresh connection, as net/http does with every GET.
func TestReviewsAreRepeated(t *testing.T) {
	answers := working()
	answers["POST /apis/authentication.k8s.io/v1/selfsubjectreviews"] = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"status":{"userInfo":{"username":"admin"}}}`)
	}
	delete(answers, "/")
	var mu sync.Mutex
	asked := map[string]bool{}
	for path, answer := range answers {
		answers[path] = func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			again := asked[r.RemoteAddr]
			asked[r.RemoteAddr] = true
			mu.Unlock()
			if again {
				panic(http.ErrAbortHandler)
			}
			answer(w, r)
		}
	}
	server, config := serve(t, answers)
	defer server.Close()
	if seen := newProber().Probe(t.Context(), config, ""); seen.Failure != nil || seen.User != "admin" {
		t.Errorf("as %q: %v", seen.User, seen.Failure)
	}
}

// TestReviewWithoutUserFails: a server that accepts every request and returns nothing does not know our user.
func TestReviewWithoutUserFails(t *testing.T) {
	answers := working()
	answers["/"] = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{}`)
	}
	server, config := serve(t, answers)
	defer server.Close()
	if got := newProber().Probe(t.Context(), config, "").Failure; got == nil || got.Reason != v1alpha1.ReasonUnauthorized {
		t.Errorf("an answer without a name: %v", got)
	}
}

// TestWholeProbeHasDeadline: a server that answers each request just before its deadline does not hold a probe for the sum of them.
func TestWholeProbeHasDeadline(t *testing.T) {
	const timeout = time.Second
	answers := working()
	answers["/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"status":{"allowed":true}}`)
	}
	for path, answer := range answers {
		answers[path] = func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(timeout * 3 / 4):
			}
			answer(w, r)
		}
	}
	server, config := serve(t, answers)
	defer server.Close()
	prober := newProber()
	prober.Timeout = timeout
	prober.Permissions = []probe.Permission{
		{Verb: "get", Resource: "pods"}, {Verb: "list", Resource: "pods"}, {Verb: "watch", Resource: "pods"},
		{Verb: "delete", Resource: "pods"},
	}
	if got := prober.Probe(t.Context(), config, "").Failure; got == nil || got.Reason != v1alpha1.ReasonNotReady {
		t.Errorf("a probe without an end: %v", got)
	}
}

// TestClusterIdentity: an ID of the form of a UID need not be the UID of kube-system. The ClusterProperty of the spoke counts.
func TestClusterIdentity(t *testing.T) {
	const (
		uid   = "11111111-1111-1111-1111-111111111111"
		other = "22222222-2222-2222-2222-222222222222"
	)
	property := func(value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"spec":{"value":"`+value+`"}}`)
		}
	}
	for name, tc := range map[string]struct {
		why      string
		id       string
		property http.HandlerFunc
		want     string
		doubt    bool
	}{
		"Equal":     {why: "the recommended ID", id: uid},
		"OtherKind": {why: "nothing to compare with", id: "projects-p-memberships-m"},
		"Own":       {why: "the manager's ID is another UID, and the spoke knows it", id: other, property: property(other)},
		"Foreign": {
			why:      "the spoke says that it is another member",
			id:       other,
			property: property("33333333-3333-3333-3333-333333333333"),
			want:     v1alpha1.ReasonWrongCluster,
		},
		"Unknown": {why: "without a ClusterProperty, it is not known what the manager means", id: other, doubt: true},
	} {
		t.Run(name, func(t *testing.T) {
			answers := working()
			answers["/api/v1/namespaces/kube-system"] = func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"metadata":{"uid":"`+uid+`"}}`)
			}
			if tc.property != nil {
				answers["/apis/about.k8s.io/v1alpha1/clusterproperties/cluster.clusterset.k8s.io"] = tc.property
			}
			server, config := serve(t, answers)
			defer server.Close()
			seen := newProber().Probe(t.Context(), config, tc.id)
			got := ""
			if seen.Failure != nil {
				got = seen.Failure.Reason
			}
			if got != tc.want || (seen.Doubt != nil) != tc.doubt {
				t.Errorf("%s: failure %v, doubt %v", tc.why, seen.Failure, seen.Doubt)
			}
		})
	}
}

// TestPing: any response is a success; without one, the failure is the same as that of a probe.
func TestPing(t *testing.T) {
	closed := closedPort(t)
	wants, config := serve(t, map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a ping has sent the credentials")
		}
		w.WriteHeader(http.StatusUnauthorized)
	}})
	defer wants.Close()
	broken, brokenConfig := serve(t, map[string]http.HandlerFunc{"/": status(http.StatusInternalServerError)})
	defer broken.Close()
	config.BearerToken = "secret"
	for name, config := range map[string]*rest.Config{"Unauthorized": config, "NotReady": brokenConfig} {
		if got := newProber().Ping(t.Context(), config).Failure; got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	dark := at("https://" + closed)
	if diff := cmp.Diff(newProber().Probe(t.Context(), dark, "").Failure, newProber().Ping(t.Context(), dark).Failure); diff != "" {
		t.Errorf("-probe +ping:\n%s", diff)
	}
}
