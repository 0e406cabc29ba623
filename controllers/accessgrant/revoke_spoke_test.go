// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestRevocationWaitsForTheAPIServerOfTheSpoke: a load balancer without a backend, which answers "not found" to everything, does not say
// that a ServiceAccount is gone.
func TestRevocationWaitsForTheAPIServerOfTheSpoke(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	away := &atomic.Bool{}
	s.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.UserAgent() == userAgent && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/serviceaccounts/") && away.Load() {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
	s.startBroker()
	s.granted(g)
	away.Store(true)
	s.stopAsking(g)
	g.Eventually(s.condition("Degraded")).Should(Equal("True SpokeRefused"))
	g.Expect(s.account()).NotTo(BeNil())

	away.Store(false)
	g.Eventually(s.grant).Should(BeNil())
	g.Expect(s.account()).To(BeNil())
}

// TestForgedGrantReachesNoSpoke has a tenant put the broker's finalizer on a grant that no Inventory asks for, for the Cluster of another
// namespace, and delete it: the broker would dial that Cluster's spoke as its administrator, and report to the tenant what came of it.
func TestForgedGrantReachesNoSpoke(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	spec := s.granted(g).Spec.DeepCopy()
	tenant := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}
	s.create(tenant)
	s.port.Cut(true)
	forged := &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant.Name, Name: "forged", Finalizers: []string{v1alpha1.FinalizerGrant}},
		Spec:       *spec,
	}
	s.create(forged)
	g.Expect(s.hub.Delete(t.Context(), forged)).To(Succeed())
	g.Eventually(func() bool { return s.get(forged, tenant.Name, "forged") }).Should(BeFalse())
	g.Expect(s.account()).NotTo(BeNil(), "the grant that was copied keeps what it has")
}
