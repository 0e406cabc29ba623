// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

func TestClusterRolesThatGrantEverythingNeedConsent(t *testing.T) {
	name := fmt.Sprintf("everything-%d", time.Now().UnixNano())
	s := newStage(t, v1alpha1.ServiceAccountAccess{ClusterRoles: []string{name}})
	g := NewWithT(t)
	now := clocktesting.NewFakeClock(time.Now())
	s.startBroker(withClock(now))
	g.Eventually(s.condition("Ready")).Should(Equal("False SpokeRefused"), "there is no such role")
	g.Expect(s.message()).To(ContainSubstring(name))

	g.Expect(s.spoke.Create(t.Context(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      []rbacv1.PolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}}},
	})).To(Succeed())
	now.Step(time.Hour)
	s.touch()
	g.Eventually(s.condition("Ready")).Should(Equal("False Escalation"))

	s.change(g, s.inventory, func() { s.inventory.Spec.AccessProviders[0].ServiceAccount.AllowEscalation = true })
	s.granted(g)
}

// A ClusterRole that cannot be read may grant everything: it is not bound. What is bound already stays.
func TestClusterRolesThatCannotBeReadAreNotBound(t *testing.T) {
	name := fmt.Sprintf("pods-%d", time.Now().UnixNano())
	s := newStage(t, v1alpha1.ServiceAccountAccess{ClusterRoles: []string{name}})
	g := NewWithT(t)
	g.Expect(s.spoke.Create(t.Context(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      []rbacv1.PolicyRule{{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"pods"}}},
	})).To(Succeed())
	var unread atomic.Bool
	s.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if unread.Load() && strings.HasSuffix(r.URL.Path, "/clusterroles/"+name) {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
	bound := func() []string {
		var bindings rbacv1.ClusterRoleBindingList
		g.Expect(s.spoke.List(t.Context(), &bindings)).To(Succeed())
		var of []string
		for _, binding := range bindings.Items {
			if binding.RoleRef.Name == name {
				of = append(of, binding.Name)
			}
		}
		return of
	}
	unread.Store(true)
	now := clocktesting.NewFakeClock(time.Now())
	s.startBroker(withClock(now))
	g.Eventually(s.message).Should(ContainSubstring("reading the ClusterRole %q", name))
	g.Expect(bound()).To(BeEmpty())

	unread.Store(false)
	now.Step(time.Hour)
	s.touch()
	of := s.granted(g)
	g.Expect(bound()).To(HaveLen(1))

	unread.Store(true)
	now.SetTime(of.Status.ExpirationTimestamp.Add(-time.Hour))
	s.touch()
	g.Eventually(s.message).Should(ContainSubstring("reading the ClusterRole %q", name))
	g.Expect(bound()).To(HaveLen(1))
}
