// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/labels"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Headlamp leaves out profiles with the label headlamp.dev/ignore, by the selector of its chart. The label is put on the
// Cluster, and no Inventory has to ask for it.
func TestHeadlampIgnores(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := newSpoke(t, inMemory("ignored"))
	spoke.waitPublished(t)
	selector, err := labels.Parse("!headlamp.dev/ignore")
	g.Expect(err).NotTo(HaveOccurred())
	shown := func(g Gomega) []inventoryv1alpha1.ClusterProfile {
		var profiles inventoryv1alpha1.ClusterProfileList
		g.Expect(k8s.List(context.Background(), &profiles, client.InNamespace(spoke.Namespace),
			client.MatchingLabelsSelector{Selector: selector})).
			To(Succeed())
		return profiles.Items
	}
	g.Expect(shown(g)).To(HaveLen(1))

	step(t, "Labelling the Cluster")
	patch(t, spoke.cluster(g), `{"metadata":{"labels":{"headlamp.dev/ignore":"true"}}}`)
	g.Eventually(shown).Should(BeEmpty())
	g.Expect(spoke.profile(g).Labels).To(HaveKeyWithValue("headlamp.dev/ignore", "true"))

	step(t, "Taking the label away")
	patch(t, spoke.cluster(g), `{"metadata":{"labels":{"headlamp.dev/ignore":null}}}`)
	g.Eventually(shown).Should(HaveLen(1))
}
