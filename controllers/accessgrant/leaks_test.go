// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/leaks"
)

// TestNoSecretLeaves looks for the tokens of administrator and ServiceAccount everywhere but in the Secrets where they belong.
func TestNoSecretLeaves(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	var administrator atomic.Value
	s.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.UserAgent() == userAgent {
			// The first request of all is the administrator's.
			administrator.CompareAndSwap(nil, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		}
		next.ServeHTTP(w, r)
	})
	importing := &importing{s}
	importing.setPolicy(v1alpha1.ClusterPropertyPolicyImport)
	running := s.startBroker()
	s.granted(g)
	g.Eventually(importing.imported).Should(Equal("True Imported"))
	g.Eventually(s.joined).Should(ContainSubstring("its access is published"))
	secret := s.secret()
	granted := s.tokenIn(secret)
	g.Expect(string(secret.Data["value"])).NotTo(ContainSubstring(fmt.Sprint(administrator.Load())))
	running.stop()
	s.leaksNothing(t, running, fmt.Sprint(administrator.Load()), granted)
}

func (s *stage) tokenIn(secret *corev1.Secret) string {
	_, token, _ := strings.Cut(string(secret.Data["value"]), "token: ")
	token, _, _ = strings.Cut(token, "\n")
	return token
}

// leaksNothing looks for secrets in everything that others may read, and in the logs.
func (s *stage) leaksNothing(t *testing.T, of *broker, secrets ...string) {
	t.Helper()
	seen := map[string]string{"the logs": of.logs.String()}
	var err error
	if seen["the metrics"], err = leaks.Metrics(of.metrics); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]client.ObjectList{
		"grants":      &v1alpha1.AccessGrantList{},
		"profiles":    &inventoryv1alpha1.ClusterProfileList{},
		"Events":      &eventsv1.EventList{},
		"Inventories": &v1alpha1.InventoryList{},
	} {
		if err := s.hub.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		if seen[name], err = leaks.JSON(list); err != nil {
			t.Fatal(err)
		}
	}
	for _, secret := range secrets {
		if len(secret) < 20 {
			t.Fatalf("%q is not a token", secret)
		}
	}
	for where, text := range seen {
		for _, leak := range leaks.Find(text, secrets...) {
			t.Errorf("%s contain %s", where, leak)
		}
	}
}
