// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/conformance"
)

// Argo CD reads its own namespace alone, and so does Kueue: one Cluster is published beside itself and into both, each time
// with what that Inventory asks for. When one Inventory goes, its profile goes, and no other.
func TestSeveralInventories(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := sharedSpoke(t)
	argocd, kueue := useNamespace(t, "argocd"), useNamespace(t, "kueue-system")
	newInventory(t, "argocd", v1alpha1.InventorySpec{
		Namespace: argocd, NamespaceSelector: spoke.namespaceSelector(),
		ClusterSet: "prod", Labels: v1alpha1.Propagation{Include: []string{"env"}},
	})
	newInventory(t, "kueue", v1alpha1.InventorySpec{
		Namespace: kueue, NamespaceSelector: spoke.namespaceSelector(),
		ProfileName: v1alpha1.ProfileNamingName,
		Properties:  []v1alpha1.PropertyExpression{{Name: "env.example.com", Expression: "cluster.metadata.labels['env']"}},
	})
	inArgoCD := client.ObjectKey{Namespace: argocd, Name: spoke.Namespace + "--" + spoke.Name}
	inKueue := client.ObjectKey{Namespace: kueue, Name: spoke.Name}

	step(t, "Published beside itself, into argocd and into kueue-system, and reached by each of the three")
	var profiles []inventoryv1alpha1.ClusterProfile
	for key, inventory := range map[client.ObjectKey]string{spoke.key(): "default", inArgoCD: "argocd", inKueue: "kueue"} {
		g.Eventually(func(g Gomega) { g.Expect(read(g, key, &v1alpha1.SpokeCheck{}).Status.Conditions).To(beReachable()) }).
			Should(Succeed())
		profile := profileAt(g, key)
		g.Expect(profile.Labels).To(HaveKeyWithValue(v1alpha1.LabelInventory, inventory))
		g.Expect(profile.Labels).To(HaveKeyWithValue(v1alpha1.LabelInventoryMemberID, string(spoke.cluster(g).UID)))
		profiles = append(profiles, *profile)
	}
	g.Expect(conformance.Check(profiles)).To(BeEmpty())
	g.Expect(profileAt(g, inArgoCD).Labels).To(HaveKeyWithValue("env", "e2e"))
	g.Expect(profileAt(g, inArgoCD).Status.Properties).
		To(ContainElement(inventoryv1alpha1.Property{Name: v1alpha1.PropertyClusterSet, Value: "prod"}))
	g.Expect(profileAt(g, inKueue).Labels).NotTo(HaveKey("env"))
	g.Expect(profileAt(g, inKueue).Status.Properties).To(ContainElement(inventoryv1alpha1.Property{Name: "env.example.com", Value: "e2e"}))

	step(t, "Deleting the Inventory argocd")
	beside, kept := profileAt(g, spoke.key()), profileAt(g, inKueue)
	g.Expect(removed(t.Context(), named("argocd"))).To(Succeed())
	// The Inventory's finalizer has held it until its profiles were gone.
	g.Expect(k8s.Get(t.Context(), inArgoCD, &inventoryv1alpha1.ClusterProfile{})).To(MatchError(ContainSubstring("not found")))
	g.Expect(profileAt(g, spoke.key())).To(Equal(beside))
	g.Expect(profileAt(g, inKueue)).To(Equal(kept))
}
