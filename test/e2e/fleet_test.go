// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// fleet are Clusters for the stories that install and uninstall: nothing about them changes while these go on. They are made
// once, for the first of those stories, and removed with everything else.
type fleet []*spoke

var makeFleet = sync.OnceValues(func() (fleet, error) {
	var made fleet
	for i := range 3 {
		spoke := inMemory(fmt.Sprintf("fleet-%d", i))
		if err := spoke.make(context.Background()); err != nil {
			return nil, err
		}
		made = append(made, spoke)
	}
	return made, nil
})

func sharedFleet(t *testing.T) fleet {
	t.Helper()
	saveArtifactsOnFailure(t)
	spokes, err := makeFleet()
	if err != nil {
		t.Fatal(err)
	}
	for _, spoke := range spokes {
		spoke.waitAvailable(t)
	}
	return spokes
}

// waitHealthy waits until each profile says all that there is to say, and returns them.
func (f fleet) waitHealthy(t *testing.T) []*inventoryv1alpha1.ClusterProfile {
	t.Helper()
	var profiles []*inventoryv1alpha1.ClusterProfile
	for _, spoke := range f {
		spoke.waitPublished(t)
		profiles = append(profiles, spoke.waitHealthy(t))
	}
	return profiles
}

// expectUnwritten expects that nobody has written the profiles since.
func (f fleet) expectUnwritten(g Gomega, since []*inventoryv1alpha1.ClusterProfile) {
	for i, spoke := range f {
		g.Expect(spoke.profile(g)).To(Equal(since[i]))
	}
}

// expectServed expects that a publisher is at work on the fleet: it obeys a new Inventory.
func (f fleet) expectServed(t *testing.T) {
	t.Helper()
	namespace := newNamespace(t, "served")
	newInventory(t, namespace, v1alpha1.InventorySpec{Namespace: namespace, ProfileName: v1alpha1.ProfileNamingName})
	for _, spoke := range f {
		NewWithT(t).Eventually(func(g Gomega) {
			joined := profileAt(g, client.ObjectKey{Namespace: namespace, Name: spoke.Name}).Status.Conditions
			g.Expect(joined).To(have(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered))
		}).Should(Succeed())
	}
	step(t, "%s obeys a new Inventory", lead(NewWithT(t)))
}
