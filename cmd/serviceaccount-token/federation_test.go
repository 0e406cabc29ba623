// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// What kubeadm is started with on the first machine of a control plane, and on the others.
const (
	initConfiguration = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: ENDPOINT\n"
	joinConfiguration = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery:\n  bootstrapToken:\n" +
		"    apiServerEndpoint: \"ENDPOINT\"\n"
	// user is the consumer in the spokes.
	user = "hub:system:serviceaccount:" + namespace + ":" + account
)

// TestFederation: two spokes trust a hub, by the samples. The consumer gets into both with what the hub gives it, and what it gets for
// one is worth nothing elsewhere.
func TestFederation(t *testing.T) {
	ctrl.SetLogger(logr.Discard())
	hub := startHub(t)
	london, paris := startSpoke(t, hub, initConfiguration), startSpoke(t, hub, joinConfiguration)
	london.apply(t, "spoke-rbac.yaml")
	c := newConsumer(t, hub)

	t.Run("ControlPlane", func(t *testing.T) { testControlPlane(t, hub) })
	t.Run("Reachable", func(t *testing.T) {
		g := NewWithT(t)
		for name, spoke := range map[string]cluster{"london": london, "paris": paris} {
			// An API server fetches the keys of an issuer after its start.
			g.Eventually(func(g Gomega) {
				result := c.check(t, name, endpoint(spoke))
				g.Expect(result.Reason()).To(Equal(v1alpha1.ReasonReachable), result.Message())
				g.Expect(result.User).To(Equal(user))
			}).WithTimeout(2 * time.Minute).Should(Succeed())
		}
	})
	t.Run("Token", func(t *testing.T) {
		g := NewWithT(t)
		token := c.token(t, endpoint(london))
		name, err := london.whoami(t, token)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(name).To(Equal(user))
		for where, other := range map[string]cluster{"another spoke": paris, "the hub": hub} {
			if name, err := other.whoami(t, token); !apierrors.IsUnauthorized(err) {
				t.Errorf("%s accepts it: %q, %v", where, name, err)
			}
		}
	})
	t.Run("Rights", func(t *testing.T) {
		g := NewWithT(t)
		binding := &rbacv1.ClusterRoleBinding{}
		g.Expect(london.k8s.Get(t.Context(), client.ObjectKey{Name: "hub-consumer-view"}, binding)).To(Succeed())
		g.Expect(binding.Subjects).To(ConsistOf(rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}))
	})
	t.Run("Writers", func(t *testing.T) { testWriters(t, c, london, paris) })
	t.Run("Policy", func(t *testing.T) { testPolicy(t, c, hub, london) })
}

// testWriters: the writer of a profile has the token for a spoke sent somewhere else. The spoke does not accept what is received there.
func testWriters(t *testing.T, c *consumer, london, paris cluster) {
	t.Helper()
	detour, err := london.Forward()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = detour.Close() })
	// The server that receives the token passes it on.
	moved := endpoint(london)
	moved.Server = detour.URL()
	if result := c.check(t, "moved", moved); result.Reason() != v1alpha1.ReasonUnauthorized {
		t.Errorf("the spoke accepts a token for another server: %s: %s", result.Reason(), result.Message())
	}
	// A server of the writer, behind a proxy, has the spoke's URL and a certificate of the writer's authority.
	proxied := endpoint(london)
	proxied.CertificateAuthorityData = paris.CertificateAuthority()
	if name, err := london.whoami(t, c.token(t, proxied)); !apierrors.IsUnauthorized(err) {
		t.Errorf("the spoke accepts a token for a server of another authority: %q, %v", name, err)
	}
}

// testPolicy: with the policy of the samples, a consumer may request no other tokens than the plugin does.
func testPolicy(t *testing.T, c *consumer, hub, london cluster) {
	t.Helper()
	hub.apply(t, "token-policy.yaml")
	g := NewWithT(t)
	request := func(audiences []string, lifetime time.Duration) func() error {
		return func() error { return c.requestToken(t, audiences, lifetime) }
	}
	spokes := []string{"capi-inventory.dev/spoke/https://london.example.com"}
	// The API server learns of the policy after a moment.
	g.Eventually(request(nil, time.Hour)).WithTimeout(time.Minute).Should(MatchError(ContainSubstring("must be those of spokes")))
	g.Expect(request([]string{"vault"}, time.Hour)()).To(MatchError(ContainSubstring("must be those of spokes")))
	g.Expect(request(append(spokes, "vault"), time.Hour)()).To(MatchError(ContainSubstring("must be those of spokes")))
	g.Expect(request(spokes, 24*time.Hour)()).To(MatchError(ContainSubstring("must be at most an hour")))
	g.Expect(request(spokes, time.Hour)()).To(Succeed())
	c.token(t, endpoint(london))
}
