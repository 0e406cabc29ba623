// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func concurrency(n int) processOption {
	return func(own *publisher.Options, _ *ctrl.Options) { own.Concurrency = n }
}

// Pairs of Clusters that are given one name, and want it at the same moment: each profile is one Cluster's with all that it says,
// and the other Cluster of the pair is reported.
func TestPairsWithOneName(t *testing.T) {
	t.Parallel()
	const pairs = 60
	for name, atOnce := range map[string]bool{"AtTheStart": false, "WhileItRuns": true} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			a, b, shared := hub.newNamespace(t, nil), hub.newNamespace(t, nil), hub.newNamespace(t, nil)
			hub.inventory(t, "pairs", v1alpha1.InventorySpec{Namespace: shared, ProfileName: v1alpha1.ProfileNamingName}, a, b)
			for i := range pairs {
				for j, namespace := range []string{a, b} {
					cluster := fixture.Cluster(namespace, fmt.Sprintf("c%02d", i), fixture.Provisioned("v1.36.3"))
					if atOnce {
						fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"})(cluster)
					}
					hub.createCluster(t, cluster, hub.kubeconfig(cluster.Name, fmt.Sprintf("https://10.0.%d.%d:6443", j, i)))
				}
			}
			hub.startPublisher(t, concurrency(10))
			if atOnce {
				g.Eventually(func() any { return hub.ready(t, "pairs") }).ShouldNot(BeNil())
				hub.optIn(t, pairs, a, b)
			}
			g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, "pairs").Status }).Should(And(
				HaveField("Clusters", BeEquivalentTo(2*pairs)), HaveField("Published", BeEquivalentTo(pairs)),
				HaveField("Problems", HaveLen(20))))
			g.Eventually(func() string { return hub.degraded(t, "pairs").Message }).
				Should(HavePrefix(fmt.Sprintf("%d problems", pairs)), "one Cluster of each pair is reported")
			var list inventoryv1alpha1.ClusterProfileList
			g.Expect(hub.List(t.Context(), &list, client.InNamespace(shared))).To(Succeed())
			g.Expect(list.Items).To(HaveLen(pairs))
			for _, p := range list.Items {
				var reference struct{ Namespace string }
				g.Expect(json.Unmarshal(p.Status.AccessProviders[0].Cluster.Extensions[0].Extension.Raw, &reference)).To(Succeed())
				g.Expect(reference.Namespace).
					To(Equal(p.Labels[v1alpha1.LabelClusterNamespace]),
						"a profile that is labelled as one Cluster gives access to it and no other")
			}
		})
	}
}

// optIn has both Clusters of each pair opt in at the same moment.
func (hub *testHub) optIn(t *testing.T, pairs int, namespaces ...string) {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"capi-inventory.dev/publish":"true"}}}`))
	for i := range pairs {
		var both sync.WaitGroup
		for _, namespace := range namespaces {
			both.Go(func() {
				if err := hub.Patch(context.Background(), fixture.Cluster(namespace, fmt.Sprintf("c%02d", i)), patch); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
	}
}

// Namespaces and names that are alike when they are joined are two profiles.
func TestJoinedNamesAreDistinct(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	a := hub.newNamespace(t, nil)
	ab := a + "-b"
	hub.create(t, namespaceNamed(ab))
	shared := hub.newNamespace(t, nil)
	hub.inventory(t, "joined-names", v1alpha1.InventorySpec{Namespace: shared}, a, ab)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(a, "b-c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("b-c1", "https://10.0.0.1:6443"))
	hub.createCluster(t, fixture.Cluster(ab, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.2:6443"))
	g.Expect(server(hub.published(t, g, shared, a+"--b-c1"))).To(Equal("https://10.0.0.1:6443"))
	g.Expect(server(hub.published(t, g, shared, ab+"--c1"))).To(Equal("https://10.0.0.2:6443"))
	g.Eventually(func() any { return hub.ready(t, "joined-names") }).Should(HaveField("Status", BeEquivalentTo("True")))
}

// A name that is free again is taken by the Cluster that waits for it, no matter which writer had it.
func TestFreedNameIsTaken(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	a, b, shared := hub.newNamespace(t, nil), hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "freed", v1alpha1.InventorySpec{Namespace: shared, ProfileName: v1alpha1.ProfileNamingName}, a, b)
	hub.startPublisher(t)
	first := hub.createCluster(t, fixture.Cluster(a, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, shared, "c1")
	hub.createCluster(t, fixture.Cluster(b, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.2:6443"))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "freed").Status.Problems }).Should(HaveLen(1))
	g.Expect(hub.Delete(t.Context(), first)).To(Succeed())
	g.Eventually(func() string { return server(hub.get(t, shared, "c1")) }).Should(Equal("https://10.0.0.2:6443"))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "freed").Status.Problems }).Should(BeEmpty())
}

// While the cache is stale, another manager takes the name of a deleted profile: nothing is written onto its profile.
func TestNothingIsWrittenOntoWhatTheCacheDoesNotShow(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	held := hub.holdProfiles(t)
	hub.inventory(t, "stale", v1alpha1.InventorySpec{}, namespace)
	running := hub.startPublisherOn(t, held.config())
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	ours := hub.published(t, g, namespace, "c1")
	g.Eventually(func(g Gomega) {
		cached := &inventoryv1alpha1.ClusterProfile{}
		g.Expect(running.manager.GetClient().Get(t.Context(), keyOf(ours), cached)).To(Succeed())
		g.Expect(cached.ResourceVersion).To(Equal(hub.get(t, namespace, "c1").ResourceVersion))
	}).Should(Succeed())

	held.hold()
	g.Expect(hub.Delete(t.Context(), ours)).To(Succeed())
	theirs := foreign(namespace, "c1")
	hub.create(t, theirs)
	rotated := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.9:6443"))
	g.Expect(hub.Update(t.Context(), rotated)).To(Succeed())
	hub.updateCluster(t, cluster, fixture.Labels(map[string]string{"env": "changed"}))
	g.Consistently(func() any { return hub.get(t, namespace, "c1") }, "3s").Should(HaveField("ResourceVersion", theirs.ResourceVersion))
	held.release()
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "stale").Status.Problems }).
		Should(ConsistOf(HaveField("Reason", v1alpha1.ProblemForeignProfile)), "a lost race is no refusal")
	g.Expect(hub.get(t, namespace, "c1")).To(HaveField("ResourceVersion", theirs.ResourceVersion))
}

// Only the version that was read is deleted: a profile that has changed since stays.
func TestDeletesOnlyTheVersionThatWasRead(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	held := hub.holdProfiles(t)
	hub.inventory(t, "version", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisherOn(t, held.config())
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	ours := hub.published(t, g, namespace, "c1")
	g.Eventually(func() int32 { return hub.readInventory(t, "version").Status.Published }).Should(BeEquivalentTo(1))
	held.hold()
	// Created again by another client: with the same name and labels, but another object.
	g.Expect(hub.Delete(t.Context(), ours)).To(Succeed())
	theirs := foreign(namespace, "c1")
	hub.create(t, theirs)
	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	g.Consistently(func() any { return hub.get(t, namespace, "c1") }, "3s").Should(HaveField("UID", theirs.UID))
	held.release()
	g.Consistently(func() any { return hub.get(t, namespace, "c1") }).Should(HaveField("UID", theirs.UID))
}
