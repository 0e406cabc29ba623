// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Sveltos runs no plugin: it reads the Secret to which the profile points, and copies the kubeconfig in it. Its README gives the
// rules, and here they are followed by one who knows the profile alone: from a namespace that is not the Cluster's, and beside
// the Cluster.
func TestSveltosReadsTheKubeconfig(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := sharedSpoke(t)
	namespace := newNamespace(t, "sveltos-fleet")
	newInventory(t, namespace, v1alpha1.InventorySpec{
		Namespace: namespace, NamespaceSelector: spoke.namespaceSelector(), Labels: v1alpha1.Propagation{Include: []string{"env"}},
	})
	for _, key := range []client.ObjectKey{{Namespace: namespace, Name: spoke.Namespace + "--" + spoke.Name}, spoke.key()} {
		var profile *inventoryv1alpha1.ClusterProfile
		g.Eventually(func(g Gomega) {
			profile = profileAt(g, key)
			g.Expect(profile.Status.Conditions).To(have(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered))
		}).Should(Succeed())
		config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfigBySveltos(g, profile))
		g.Expect(err).NotTo(HaveOccurred())
		spoke.expectStaticPods(g, config)
		step(t, "%s leads to a kubeconfig that works", key)
		// SveltosClusters get the labels of their profiles, and ClusterProfiles of Sveltos' own select by them.
		g.Expect(profile.Labels).To(HaveKeyWithValue("env", "e2e"))
	}
}

// kubeconfigBySveltos follows the access provider kubeconfig-secretreader of a profile.
func kubeconfigBySveltos(g Gomega, profile *inventoryv1alpha1.ClusterProfile) []byte {
	for _, provider := range profile.Status.AccessProviders {
		if provider.Name != "kubeconfig-secretreader" {
			continue
		}
		for _, extension := range provider.Cluster.Extensions {
			if extension.Name != "client.authentication.k8s.io/exec" {
				continue
			}
			var pointer struct{ Name, Key, Namespace string }
			g.Expect(json.Unmarshal(extension.Extension.Raw, &pointer)).To(Succeed())
			if pointer.Namespace == "" {
				pointer.Namespace = profile.Namespace
			}
			var secret corev1.Secret
			g.Expect(k8s.Get(context.Background(), client.ObjectKey{Namespace: pointer.Namespace, Name: pointer.Name}, &secret)).
				To(Succeed())
			g.Expect(secret.Data).To(HaveKey(pointer.Key))
			return secret.Data[pointer.Key]
		}
	}
	g.Expect(profile).To(BeNil(), "it has no access provider with the extension that Sveltos looks for")
	return nil
}
