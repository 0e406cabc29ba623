// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// A profile that the publisher of another class has published is no replacement for one of this class.
func TestProfileOfAnotherClassReplacesNothing(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, shared := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "replaces-theirs", v1alpha1.InventorySpec{Namespace: shared, PublisherClass: "theirs"}, namespace)
	hub.startPublisher(t, class("theirs"))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, shared, namespace+"--c1")
	hub.inventory(t, "replaces-ours", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	before := hub.published(t, g, namespace, "c1")

	hub.patchInventory(t, "replaces-ours", fmt.Sprintf(`{"spec":{"namespace":%q}}`, shared))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "replaces-ours").Status.Problems }).
		Should(ConsistOf(HaveField("Reason", v1alpha1.ProblemForeignProfile)))
	g.Consistently(func() any { return hub.get(t, namespace, "c1") }).Should(And(Not(BeNil()), HaveField("UID", before.UID)))
}

// up no Inventory either.
func TestUnownedProfileHoldsNoInventory(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "holds-none", v1alpha1.InventorySpec{}, namespace)
	first := hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	g.Eventually(func() []string { return hub.readInventory(t, "holds-none").Finalizers }).Should(HaveLen(1))
	first.stop()
	hub.changeProfile(t, namespace, "c1", hub.Update, func(p *inventoryv1alpha1.ClusterProfile) {
		p.Labels[v1alpha1.LabelClusterName] = "typo"
	})
	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())

	hub.startPublisher(t)
	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "holds-none"}})).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsNotFound(hub.Get(t.Context(), client.ObjectKey{Name: "holds-none"}, &v1alpha1.Inventory{}))
	}).Should(BeTrue())
}

// The successor of a Cluster gets its profile also if another writer has taken a label of the old one that names its Inventory.
func TestSuccessorOfATamperedProfile(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "successor", v1alpha1.InventorySpec{}, namespace)
	first := hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	first.stop()
	hub.changeProfile(t, namespace, "c1", hub.Update, func(p *inventoryv1alpha1.ClusterProfile) {
		delete(p.Labels, v1alpha1.LabelInventory)
	})
	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	successor := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), nil)

	hub.startPublisher(t)
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(And(Not(BeNil()),
		HaveField("Labels", HaveKeyWithValue(v1alpha1.LabelClusterUID, string(successor.UID)))))
}

// A Cluster that leaves the publisher's share between its publication and the moment at which the cache shows it is reported.
func TestUnwatchedBeforeItIsSeen(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	held := hub.holdProfiles(t)
	hub.inventory(t, "unwatched-early", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisherOn(t, held.config(), watching("a"))
	g.Eventually(func() *metav1.Condition { return hub.ready(t, "unwatched-early") }).ShouldNot(BeNil())
	held.hold()
	of := func(filter string) fixture.ClusterOption {
		return fixture.Labels(map[string]string{clusterv1.WatchLabel: filter})
	}
	// One event alone: a second one would make the Cluster wait for what the cache does not show.
	hub.create(t, fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.1:6443")))
	cluster := fixture.Cluster(namespace, "c1", of("a"))
	hub.create(t, cluster)
	t.Cleanup(func() { _ = hub.Delete(contextOf(t), cluster) })
	hub.published(t, g, namespace, "c1")
	g.Eventually(func() int32 { return hub.readInventory(t, "unwatched-early").Status.Clusters }).Should(BeEquivalentTo(1))
	of("b")(cluster)
	g.Expect(hub.Update(t.Context(), cluster)).To(Succeed())
	g.Eventually(func() int32 { return hub.readInventory(t, "unwatched-early").Status.Clusters }).Should(BeEquivalentTo(0))
	held.release()
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "unwatched-early").Status.Problems }).
		Should(ConsistOf(HaveField("Reason", v1alpha1.ProblemNotWatched)))
}

// A status that the cache does not show yet is replaced by the next one all the same, also where that is the one before it.
func TestStatusIsNotComparedWithAStaleOne(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	held := &heldWatch{hub: hub, resource: "/inventories"}
	t.Cleanup(held.release)
	hub.inventory(t, "old-status", v1alpha1.InventorySpec{}, namespace)
	running := hub.startPublisherOn(t, held.config())
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "old-status").Status.Problems }
	g.Eventually(func(g Gomega) {
		g.Expect(hub.readInventory(t, "old-status").Status).To(And(
			HaveField("Published", BeEquivalentTo(1)), HaveField("Problems", BeEmpty())))
		cached := &v1alpha1.Inventory{}
		g.Expect(running.manager.GetClient().Get(t.Context(), client.ObjectKey{Name: "old-status"}, cached)).To(Succeed())
		g.Expect(cached.ResourceVersion).To(Equal(hub.readInventory(t, "old-status").ResourceVersion))
	}).Should(Succeed())

	held.hold()
	secret := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	secret.Data["value"] = []byte("not a kubeconfig")
	g.Expect(hub.Update(t.Context(), secret)).To(Succeed())
	g.Eventually(problems).Should(HaveLen(1))
	before := hub.get(t, namespace, "c1").ResourceVersion
	rotated := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	g.Expect(hub.Update(t.Context(), rotated)).To(Succeed())
	g.Eventually(func() string { return hub.get(t, namespace, "c1").ResourceVersion }).ShouldNot(Equal(before))
	g.Consistently(problems, "2s").ShouldNot(BeNil())
	held.release()
	g.Eventually(problems).Should(BeEmpty())
}

// A writer that acts between the removal of what it has added and the apply after it has a budget too.
func TestFightOverAnAdditionSlowsDown(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "addition-fight", v1alpha1.InventorySpec{}, namespace)
	add := func() error {
		p := &inventoryv1alpha1.ClusterProfile{}
		if err := hub.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: "c1"}, p); err != nil {
			return err
		}
		p.Status.AccessProviders[0].Cluster.ProxyURL = "http://10.0.0.9:3128"
		return hub.Status().Update(context.Background(), p, client.FieldOwner("other-writer"))
	}
	var removed atomic.Int64
	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(request)
			if err == nil && response.StatusCode == http.StatusOK &&
				strings.HasPrefix(request.Header.Get("Content-Type"), "application/json-patch") {
				removed.Add(1)
				if added := add(); added != nil {
					t.Error(added)
				}
			}
			return response, err
		})
	})
	hub.startPublisherOn(t, config, withClock(clock))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	g.Expect(add()).To(Succeed())
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "addition-fight").Status.Problems }).
		Should(ContainElement(And(HaveField("Reason", v1alpha1.ProblemContested), HaveField("Message",
			ContainSubstring(`"other-writer"`)))))
	g.Expect(removed.Load()).To(BeNumerically("<=", 10))
	g.Consistently(removed.Load).Should(Equal(removed.Load()))
}

// A Cluster that changes often is not contested, no matter which writers its profile has had.
func TestBusyClusterIsNotContested(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "busy-cluster", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t, withClock(clock))
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	hub.changeProfile(t, namespace, "c1", hub.Update, func(p *inventoryv1alpha1.ClusterProfile) {
		p.Labels["team.example.com/cost"] = "42"
	})
	// The API server notes the times of writers in seconds: wait until a write would get a later one.
	written := otherWrite(hub.get(t, namespace, "c1"))
	g.Eventually(func(g Gomega) {
		next := hub.get(t, namespace, "c1")
		next.Labels["team.example.com/next"] = "43"
		g.Expect(hub.Update(t.Context(), next, client.DryRunAll)).To(Succeed())
		g.Expect(otherWrite(next)).To(BeTemporally(">", written))
	}).Should(Succeed())
	for i := range 12 {
		hub.updateCluster(t, cluster, fixture.Annotations(map[string]string{v1alpha1.AnnotationDisplayName: fmt.Sprintf("name %d", i)}))
		if i < 5 {
			g.Eventually(func() string { return hub.get(t, namespace, "c1").Spec.DisplayName }).Should(Equal(fmt.Sprintf("name %d", i)))
		}
	}
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "busy-cluster").Status.Problems }).
		Should(ConsistOf(HaveField("Reason", v1alpha1.ProblemWriteDelayed)))
}

// otherWrite is when another writer than the publisher has last written a profile.
func otherWrite(profile *inventoryv1alpha1.ClusterProfile) (last time.Time) {
	for _, entry := range profile.ManagedFields {
		if entry.Manager != "capi-inventory-publisher" && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
