// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Headlamp's pull request 4577 says in steps 2 to 5 how to try its Cluster Inventory support: make a Cluster, write a profile for
// it by hand with the access provider capi-secret, and configure a plugin of that name that reads the Cluster's kubeconfig
// Secret. Here an Inventory takes the place of the hand. The plugin and the provider file are those of the pull request, but
// for the shell; then upstream's plugin under the same name, which serves every Cluster with one entry.
func TestHeadlampProcedure(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := sharedSpoke(t)
	beside := spoke.waitPublished(t).Status.AccessProviders[0].Cluster
	profileBy := func(provider v1alpha1.AccessProvider) (profile *inventoryv1alpha1.ClusterProfile) {
		namespace := newNamespace(t, "headlamp")
		newInventory(t, namespace, v1alpha1.InventorySpec{
			Namespace: namespace, NamespaceSelector: spoke.namespaceSelector(), ProfileName: v1alpha1.ProfileNamingName,
			AccessProviders: []v1alpha1.AccessProvider{provider},
		})
		g.Eventually(func(g Gomega) {
			profile = profileAt(g, client.ObjectKey{Namespace: namespace, Name: spoke.Name})
			g.Expect(profile.Status.Conditions).To(have(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered))
		}).Should(Succeed())
		return profile
	}

	step(t, "As in step 4: the provider capi-secret, server and certificate authority, and nothing else")
	profile := profileBy(v1alpha1.AccessProvider{Name: "capi-secret", Exec: &v1alpha1.ExecAccess{}})
	g.Expect(profile.Name).To(Equal(spoke.Name))
	g.Expect(profile.Status.Version.Kubernetes).To(Equal(spoke.Version))
	g.Expect(profile.Status.AccessProviders).To(Equal([]inventoryv1alpha1.AccessProvider{{
		Name:    "capi-secret",
		Cluster: clientcmdv1.Cluster{Server: beside.Server, CertificateAuthorityData: beside.CertificateAuthorityData},
	}}))
	step(t, "As in step 5: the plugin gets the Cluster's name, and nothing of the profile")
	scripted := entry("capi-secret", buildPlugin(t, scriptedPlugin), kubeconfigAt(t, spoke.Namespace))
	exec := scripted["execConfig"].(map[string]any)
	exec["args"], exec["provideClusterInfo"] = []string{spoke.Name}, false
	delete(exec, "interactiveMode")
	spoke.expectReached(g, providers(t, scripted), profile)

	step(t, "Upstream's plugin under the name capi-secret, with the Secret to read from the profile")
	profile = profileBy(v1alpha1.AccessProvider{Name: "capi-secret", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}})
	spoke.expectReached(g, providers(t, entry("capi-secret", buildPlugin(t, upstreamPlugin), hub.kubeconfig)), profile)
}
