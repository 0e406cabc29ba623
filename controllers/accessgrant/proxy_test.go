// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// killer ends a broker as SIGKILL does: after so many of its writes, on the hub and on the spoke, none of its requests is carried out or
// answered any more. The last write is carried out.
type killer struct {
	mu   sync.Mutex
	left int
	dead bool
}

var errKilled = errors.New("the broker was killed")

// admit reports whether a request is carried out, and count whether its answer is returned.
func (k *killer) admit() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.dead
}

func (k *killer) count(request *http.Request) (answered bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	isEvent := strings.Contains(request.URL.Path, "/events")
	if request.Method != http.MethodGet && !isEvent {
		k.left--
		k.dead = k.dead || k.left <= 0
	}
	return !k.dead
}

func (k *killer) isDead() bool { return !k.admit() }

// onHub is a broker whose requests to the hub end with it.
func (k *killer) onHub() brokerOption {
	return func(_ *accessgrant.Options, config *rest.Config) {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if !k.admit() {
					return nil, errKilled
				}
				response, err := next.RoundTrip(request)
				if err == nil && !k.count(request) {
					_ = response.Body.Close()
					return nil, errKilled
				}
				return response, err
			})
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// throughProxy has the Cluster's kubeconfig lead to the spoke through a proxy that passes requests on as the handler wants.
func (s *stage) throughProxy(t *testing.T, handler func(http.ResponseWriter, *http.Request, http.Handler)) {
	t.Helper()
	target, err := url.Parse("https://" + spoke.Address())
	if err != nil {
		t.Fatal(err)
	}
	trusted := &rest.Config{Host: target.String(), TLSClientConfig: rest.TLSClientConfig{CAData: spoke.CertificateAuthority()}}
	transport, err := rest.TransportFor(trusted)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = transport
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r, proxy) }))
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL, BearerToken: s.administrator(t)}
	config.CAData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	secret := fixture.KubeconfigSecret(s.namespace, "c1", fixture.Kubeconfig("c1", config, ""))
	if err := s.hub.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

// administrator is the token of a user of the spoke with every right: a proxy cannot pass a certificate on.
func (s *stage) administrator(t *testing.T) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "administrator-" + s.namespace}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "default", Name: account.Name}},
	}
	for _, object := range []client.Object{account, binding} {
		if err := s.spoke.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	request := &authenticationv1.TokenRequest{}
	if err := s.spoke.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}
