// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

// token creates a ServiceAccount on the spoke and returns its token, and a function that revokes it.
func token(t *testing.T, name string) (bearer string, revoke func()) {
	t.Helper()
	accounts := kubernetes.NewForConfigOrDie(spokeServer.Config()).CoreV1().ServiceAccounts("default")
	if _, err := accounts.Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: name},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	revoke = sync.OnceFunc(func() {
		if err := accounts.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(revoke)
	request, err := accounts.CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return request.Status.Token, revoke
}

// withToken returns a configuration for the spoke with a token.
func withToken(bearer string) *rest.Config {
	config := rest.AnonymousClientConfig(spokeServer.Config())
	config.CAData = spokeServer.CertificateAuthority()
	config.BearerToken = bearer
	return config
}

// execCredential returns a plugin's output with a token.
func execCredential(bearer string) string {
	return fmt.Sprintf(`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":%q}}`, bearer)
}

// clusterProxy is OCM's user server: every spoke is a path of it.
func clusterProxy(t *testing.T) *rest.Config {
	t.Helper()
	target, err := url.Parse(serverOf(spokeServer.Config()))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(spokeServer.CertificateAuthority())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport}
	server := httptest.NewTLSServer(http.StripPrefix("/cluster1", proxy))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL + "/cluster1", TLSClientConfig: rest.TLSClientConfig{CAData: certificate(server)}}
}

func certificate(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// inProcess is a spoke that answers as much as a probe asks for.
func inProcess(tb testing.TB) *httptest.Server {
	tb.Helper()
	mux := http.NewServeMux()
	say := func(pattern string, code int, text string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, text)
		})
	}
	say("GET /readyz", http.StatusOK, "ok")
	say("GET /version", http.StatusOK, `{"gitVersion":"v1.36.3"}`)
	say("POST /apis/authentication.k8s.io/v1/selfsubjectreviews", http.StatusCreated, `{"status":{"userInfo":{"username":"admin"}}}`)
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	tb.Cleanup(server.Close)
	return server
}

// expiredServer is a spoke whose certificate is its own authority, and has expired.
func expiredServer(t *testing.T) *rest.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: certificate(server)}}
}

// hanging accepts connections and never answers.
func hanging(tb testing.TB) *rest.Config {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return &rest.Config{Host: "https://" + listener.Addr().String()}
}

// refusing is a port at which nothing listens.
func refusing(tb testing.TB) *rest.Config {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		tb.Fatal(err)
	}
	return &rest.Config{Host: "https://" + listener.Addr().String()}
}

// script is a Checker with scripted results.
type script struct {
	check func(context.Context, *inventoryv1alpha1.ClusterProfile) spoke.Result

	mu        sync.Mutex
	checked   map[types.NamespacedName]int
	pinged    map[types.NamespacedName]int
	forgotten map[types.NamespacedName]int
}

// Check implements Checker.
func (s *script) Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
	s.mu.Lock()
	if s.checked == nil {
		s.checked = map[types.NamespacedName]int{}
	}
	s.checked[types.NamespacedName{Namespace: profile.Namespace, Name: profile.Name}]++
	s.mu.Unlock()
	return s.check(ctx, profile)
}

// Ping implements Checker.
func (s *script) Ping(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
	s.mu.Lock()
	if s.pinged == nil {
		s.pinged = map[types.NamespacedName]int{}
	}
	s.pinged[types.NamespacedName{Namespace: profile.Namespace, Name: profile.Name}]++
	s.mu.Unlock()
	return s.check(ctx, profile)
}

// Forget implements Checker.
func (s *script) Forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgotten == nil {
		s.forgotten = map[types.NamespacedName]int{}
	}
	s.forgotten[key]++
}

// total returns the number of checks and pings.
func (s *script) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sum(s.checked) + sum(s.pinged)
}

func sum(counts map[types.NamespacedName]int) (total int) {
	for _, count := range counts {
		total += count
	}
	return total
}
