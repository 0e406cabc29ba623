// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// Failure class 2: profiles that stay forever.
func TestOrphanIsDeletedAtStart(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "orphans", v1alpha1.InventorySpec{}, namespace)
	first := hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	first.stop()
	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	hub.startPublisher(t)
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
}

// The profile of a Cluster that was created again while the publisher was down names a member that is gone: it is withdrawn although its
// Inventory cannot replace it, being invalid, or publishing into a namespace that is missing.
func TestProfileOfAnEarlierClusterIsWithdrawn(t *testing.T) {
	for name, edit := range map[string]string{
		"invalid": `{"spec":{"properties":[{"name":"region.example.com","expression":"cluster."}]}}`,
		"moved":   `{"spec":{"namespace":"missing"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			hub.inventory(t, "earlier-"+name, v1alpha1.InventorySpec{}, namespace)
			first := hub.startPublisher(t)
			earlier := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
				hub.kubeconfig("c1", "https://10.0.0.1:6443"))
			hub.published(t, g, namespace, "c1")
			first.stop()
			g.Expect(hub.Delete(t.Context(), earlier)).To(Succeed())
			hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), nil)
			hub.patchInventory(t, "earlier-"+name, edit)
			hub.startPublisher(t)
			g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
		})
	}
}

// Failure class 2, reversed: mass deletion from a source that only looks empty.
func TestUnseenClustersAreNotOrphans(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, elsewhere := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "unseen", v1alpha1.InventorySpec{}, namespace, elsewhere)
	first := hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.settled(t, g, namespace, "c1")
	first.stop()

	// To this publisher the Cluster does not exist: it may see another namespace alone.
	hub.startPublisher(t, inNamespaces(elsewhere))
	hub.createCluster(t, fixture.Cluster(elsewhere, "c2", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c2", "https://10.0.0.2:6443"))
	hub.published(t, g, elsewhere, "c2")
	g.Consistently(func() any { return hub.get(t, namespace, "c1") }).Should(HaveField("ResourceVersion", before.ResourceVersion))
}

func inNamespaces(namespaces ...string) processOption {
	return func(own *publisher.Options, manager *ctrl.Options) {
		own.Namespaces = namespaces
		manager.Cache = publisher.CacheOptions(namespaces, 10*time.Minute)
	}
}

func TestClusterctlMove(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "move", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	// clusterctl pauses the source, strips its finalizers and deletes it with this annotation.
	source := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	hub.updateCluster(t, source, fixture.Paused)
	g.Eventually(func() *metav1.Condition { return healthy(hub.get(t, namespace, "c1")) }).
		Should(HaveField("Reason", "Paused"), "while it moves the profile stays")
	hub.updateCluster(t, source, func(c *clusterv1.Cluster) {
		c.Annotations, c.Finalizers = map[string]string{"clusterctl.cluster.x-k8s.io/delete-for-move": ""}, nil
	})
	g.Expect(hub.Delete(t.Context(), source)).To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil(), "on the source hub it is gone with the Cluster")

	// On the target it appears paused, with a status only later.
	target := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Paused), hub.freshKubeconfig(t, namespace, "c1"))
	g.Eventually(func() *metav1.Condition { return healthy(hub.get(t, namespace, "c1")) }).Should(HaveField("Reason", "Paused"))
	hub.updateCluster(t, target, func(c *clusterv1.Cluster) { c.Spec.Paused = nil; fixture.Provisioned("v1.36.3")(c) })
	g.Eventually(func() *metav1.Condition { return healthy(hub.get(t, namespace, "c1")) }).Should(HaveField("Status", metav1.ConditionTrue))
}
