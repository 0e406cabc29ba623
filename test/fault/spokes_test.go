// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// spokes is a server that stands for every spoke: each Cluster has paths of its own, and behind all of them is the API server of the
// hub. It adds no rights: clients have the credentials that they bring.
type spokes struct {
	*httptest.Server
	// administrator is a token with every right.
	administrator string
	addresses     int

	// mu is held for reading by each request, so that none is carried out after end has returned.
	mu   sync.RWMutex
	gone map[types.UID]bool
}

// newSpokes opens the server until the test ends. Requests of spokes that are there pass through the handler.
func newSpokes(t tester, name string, handler func(http.ResponseWriter, *http.Request, http.Handler)) *spokes {
	t.Helper()
	anonymous := rest.AnonymousClientConfig(server.Config())
	target, err := url.Parse(anonymous.Host)
	must(t, err)
	transport, err := rest.TransportFor(anonymous)
	must(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	s := &spokes{administrator: newAdministrator(t, name), gone: map[types.UID]bool{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		// The path is /UID/number/path on the spoke.
		parts := strings.SplitN(r.URL.Path, "/", 4)
		if len(parts) < 4 || s.gone[types.UID(parts[1])] {
			panic(http.ErrAbortHandler)
		}
		r.URL.Path, r.URL.RawPath = "/"+parts[3], ""
		handler(w, r, proxy)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// newAdministrator returns the token of a ServiceAccount with every right.
func newAdministrator(t tester, name string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name + "-administrator"}}
	must(t, hub.Create(t.Context(), account))
	must(t, hub.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: account.Namespace, Name: account.Name}},
	}))
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](24 * 3600)}}
	must(t, hub.SubResource("token").Create(t.Context(), account, request))
	return request.Status.Token
}

// kubeconfig returns the administrator's of the spoke of a Cluster, each time with another address.
func (s *spokes) kubeconfig(cluster string, uid types.UID) []byte {
	s.addresses++
	config := &rest.Config{BearerToken: s.administrator}
	config.CAData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return fixture.Kubeconfig(cluster, config, fmt.Sprintf("%s/%s/%d", s.URL, uid, s.addresses))
}

// end has the spoke of a Cluster answer nothing any more.
func (s *spokes) end(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[uid] = true
}
