// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// Credentials of lesser rights, in a Secret of the administrator's own, are rotated: the Secret gets another user's token and
// the old user goes. The consumer notices that it is turned away, asks its plugin again, and gets in as the new user. The
// profile has nothing to say about that, and is not written.
func TestCredentialIsRotated(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := sharedSpoke(t)
	inside, err := spoke.client(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	for _, user := range []string{"reader-1", "reader-2"} {
		account := account(user)
		g.Expect(inside.Create(t.Context(), account)).To(Succeed())
		t.Cleanup(func() { _ = inside.Delete(context.Background(), account) })
	}
	secret := fixture.KubeconfigSecret(spoke.Namespace, spoke.Name, spoke.kubeconfigOf(t, inside, "reader-1"))
	secret.Name = spoke.Name + "-reader-kubeconfig"
	g.Expect(k8s.Create(t.Context(), secret)).To(Succeed())

	namespace := newNamespace(t, "readers")
	newInventory(t, namespace, v1alpha1.InventorySpec{
		Namespace:         namespace,
		NamespaceSelector: spoke.namespaceSelector(),
		ProfileName:       v1alpha1.ProfileNamingName,
		AccessProviders: []v1alpha1.AccessProvider{{
			Name:             v1alpha1.ProviderKubeconfigSecret,
			KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{NameSuffix: "-reader-kubeconfig"},
		}},
	})
	key := client.ObjectKey{Namespace: namespace, Name: spoke.Name}
	enters := func(user string) {
		t.Helper()
		g.Eventually(func(g Gomega) {
			check := read(g, key, &v1alpha1.SpokeCheck{})
			g.Expect(check.Status.Conditions).To(beReachable())
			g.Expect(check.Status.User).To(Equal("system:serviceaccount:default:" + user))
		}).Should(Succeed())
		step(t, "The consumer gets in as %s", user)
	}
	enters("reader-1")
	before := profileAt(g, key)

	step(t, "Rotating to reader-2")
	secret.Data["value"] = spoke.kubeconfigOf(t, inside, "reader-2")
	g.Expect(k8s.Update(t.Context(), secret)).To(Succeed())
	g.Expect(inside.Delete(t.Context(), account("reader-1"))).To(Succeed())
	enters("reader-2")
	g.Expect(profileAt(g, key)).To(Equal(before))
}

func account(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: name}}
}

// kubeconfigOf is one with a token of a ServiceAccount in the spoke.
func (s *spoke) kubeconfigOf(t *testing.T, inside client.Client, name string) []byte {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	if err := inside.SubResource("token").Create(t.Context(), account(name), request); err != nil {
		t.Fatal(err)
	}
	config, err := s.config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	config.CertData, config.KeyData, config.BearerToken = nil, nil, request.Status.Token
	return fixture.Kubeconfig(s.Name, config, "")
}
