// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// multicluster-runtime engages a cluster when ControlPlaneHealthy is True, its default, and again with every event of the
// profile thereafter: all controllers then get all objects of the spoke again. So the profile becomes ready, its access is there
// by then, and after that it is left alone, although the spoke is probed and the Cluster reconciled all the time.
func TestMulticlusterRuntimeEngagesOnce(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := sharedSpoke(t)
	spoke.waitHealthy(t)
	config := providers(t, entry("kubeconfig-secretreader", buildPlugin(t, upstreamPlugin), hub.kubeconfig))
	watching, err := client.NewWithWatch(hub.config, client.Options{Scheme: newScheme()})
	g.Expect(err).NotTo(HaveOccurred())
	namespace := newNamespace(t, "fleet")
	events, err := watching.Watch(t.Context(), &inventoryv1alpha1.ClusterProfileList{}, client.InNamespace(namespace))
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(events.Stop)
	newInventory(t, namespace, v1alpha1.InventorySpec{Namespace: namespace, NamespaceSelector: spoke.namespaceSelector()})

	var profile *inventoryv1alpha1.ClusterProfile
	for profile == nil || !meta.IsStatusConditionTrue(profile.Status.Conditions, healthy) {
		var event watch.Event
		g.Eventually(events.ResultChan()).Should(Receive(&event))
		profile = event.Object.(*inventoryv1alpha1.ClusterProfile)
	}
	step(t, "%s/%s is ready, and engaged", profile.Namespace, profile.Name)
	spoke.expectReached(g, config, profile)
	g.Consistently(events.ResultChan(), 15*time.Second).ShouldNot(Receive(), "the profile was written, and the cluster engaged again")
}
