// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// countRequests counts those of the broker to the spoke.
func (s *stage) countRequests(t *testing.T) *atomic.Int64 {
	t.Helper()
	count := &atomic.Int64{}
	s.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.UserAgent() == userAgent {
			count.Add(1)
		}
		next.ServeHTTP(w, r)
	})
	return count
}

// renew has the broker renew the token, and waits for that.
func (s *stage) renew(g *WithT, now *clocktesting.FakeClock) {
	s.t.Helper()
	issued := s.grant().Status.IssuedAt
	now.Step(9 * time.Hour)
	s.touch()
	g.Eventually(func() bool { return s.grant().Status.IssuedAt.After(issued.Time) }).Should(BeTrue())
}

// TestRequestsOfASmallGrant: docs/performance.md says how many they are.
func TestRequestsOfASmallGrant(t *testing.T) {
	s := newStage(t, v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}})
	g := NewWithT(t)
	requests := s.countRequests(t)
	now := clocktesting.NewFakeClock(time.Now())
	s.startBroker(withClock(now))
	s.granted(g)
	g.Expect(requests.Load()).To(BeEquivalentTo(11), "to grant it")
	s.renew(g, now)
	g.Expect(requests.Load()).To(BeEquivalentTo(11+8), "to renew it")
}

// largeAccess needs more bindings than one answer of the spoke lists, with roles and namespaces that are made for it.
func (s *stage) largeAccess(g *WithT, prefix string) v1alpha1.ServiceAccountAccess {
	access := readConfigMaps()
	for i := range 8 {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%s-%d", s.namespace, prefix, i)}}
		g.Expect(s.spoke.Create(context.Background(), role)).To(Succeed())
		access.ClusterRoles = append(access.ClusterRoles, role.Name)
	}
	for i := range 32 {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%s-%d", s.namespace, prefix, i)}}
		g.Expect(s.spoke.Create(context.Background(), namespace)).To(Succeed())
		access.Namespaces = append(access.Namespaces, namespace.Name)
	}
	return access
}

// TestLargeAccess: a spoke is asked for everything that it has of a grant at once, and nothing of it stays when all of it is replaced.
func TestLargeAccess(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	requests := s.countRequests(t)
	now := clocktesting.NewFakeClock(time.Now())
	s.startBroker(withClock(now))
	s.granted(g)
	ask := func(access v1alpha1.ServiceAccountAccess) {
		generation := s.grant().Generation
		s.change(g, s.inventory, func() { s.inventory.Spec.AccessProviders[0].ServiceAccount = &access })
		g.Eventually(func() int64 { return s.grant().Status.ObservedGeneration }).Should(BeNumerically(">", generation))
	}
	ask(s.largeAccess(g, "old"))
	bindings := func() []rbacv1.RoleBinding {
		list := &rbacv1.RoleBindingList{}
		labelled := client.MatchingLabels{"capi-inventory.dev/grant": s.account().Labels["capi-inventory.dev/grant"]}
		g.Expect(s.spoke.List(t.Context(), list, labelled)).To(Succeed())
		return list.Items
	}
	g.Expect(bindings()).To(HaveLen(9 * 32))

	before := requests.Load()
	s.renew(g, now)
	g.Expect(requests.Load()-before).To(BeNumerically("<", 40), "at rest")

	ask(s.largeAccess(g, "new"))
	g.Expect(bindings()).To(HaveLen(9 * 32))
	for _, binding := range bindings() {
		g.Expect(binding.Namespace).To(ContainSubstring("-new-"))
	}
}

// TestRightThatCannotBeDeletedKeepsNoOther has the spoke fail to delete the first of several bindings that are no longer asked for.
func TestRightThatCannotBeDeletedKeepsNoOther(t *testing.T) {
	s := newStage(t, v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"admin", "edit", "view"}})
	g := NewWithT(t)
	s.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.UserAgent() == userAgent && r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, ":admin") {
			http.Error(w, "not today", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
	s.startBroker()
	s.granted(g)
	s.change(g, s.inventory, func() { s.inventory.Spec.AccessProviders[0].ServiceAccount.ClusterRoles = []string{"system:discovery"} })
	g.Eventually(s.condition("Degraded")).Should(Equal("True SpokeRefused"))
	list := &rbacv1.ClusterRoleBindingList{}
	labelled := client.MatchingLabels{"capi-inventory.dev/grant": s.account().Labels["capi-inventory.dev/grant"]}
	g.Expect(s.spoke.List(t.Context(), list, labelled)).To(Succeed())
	var roles []string
	for _, binding := range list.Items {
		roles = append(roles, binding.RoleRef.Name)
	}
	g.Expect(roles).To(ConsistOf("admin", "system:discovery"))
}
