// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// A profile that the cache does not show yet takes no worker from other Clusters, and is read from the API server in the end.
func TestStaleCacheBlocksNoWorker(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	held := hub.holdProfiles(t)
	hub.inventory(t, "one-worker", v1alpha1.InventorySpec{}, namespace)
	running := hub.startPublisherOn(t, held.config(), concurrency(1))
	running.working(g)
	held.hold()
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	rotated := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.9:6443"))
	g.Expect(hub.Update(t.Context(), rotated)).To(Succeed())
	hub.createCluster(t, fixture.Cluster(namespace, "c2", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c2", "https://10.0.0.2:6443"))
	hub.published(t, g, namespace, "c2")
	g.Eventually(func() string { return server(hub.get(t, namespace, "c1")) }).
		Should(Equal("https://10.0.0.9:6443"), "read from the API server")
}
