// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"maps"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func class(name string) processOption {
	return func(own *publisher.Options, _ *ctrl.Options) { own.PublisherClass = name }
}

func manager(name string) processOption {
	return func(own *publisher.Options, _ *ctrl.Options) { own.ClusterManager = name }
}

// Three publishers on one hub, each with its share of the Clusters: every Cluster is published once, every Inventory is reported
// on by the publisher of its class, and at rest no publisher writes.
func TestPublishersOfSeveralClasses(t *testing.T) {
	t.Parallel()
	for name, managers := range map[string][3]string{
		"OneManager":      {"cluster-api", "cluster-api", "cluster-api"},
		"SeveralManagers": {"cluster-api", "cluster-api-b", "cluster-api-c"},
	} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace, shared := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
			names := [3]string{"", "b", "c"}
			for i, filter := range names {
				hub.inventory(t, "class"+filter, v1alpha1.InventorySpec{Namespace: shared, PublisherClass: filter}, namespace)
				hub.startPublisher(t, class(filter), manager(managers[i]), watching(filter))
			}
			// The publisher without a filter leaves out what is another one's by its selector.
			hub.patchInventory(
				t,
				"class",
				`{"spec":{"clusterSelector":{"matchExpressions":[{"key":"cluster.x-k8s.io/watch-filter","operator":"DoesNotExist"}]}}}`,
			)
			for _, filter := range names {
				cluster := fixture.Cluster(namespace, "of"+filter, fixture.Provisioned("v1.36.3"))
				if filter != "" {
					fixture.Labels(map[string]string{clusterv1.WatchLabel: filter})(cluster)
				}
				hub.createCluster(t, cluster, hub.kubeconfig(cluster.Name, "https://"+cluster.Name+":6443"))
			}
			for i, filter := range names {
				profile := hub.published(t, g, shared, namespace+"--of"+filter)
				g.Expect(profile.Spec.ClusterManager.Name).To(Equal(managers[i]))
				g.Expect(profile.Labels).To(HaveKeyWithValue(v1alpha1.LabelInventory, "class"+filter))
				g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, "class"+filter).Status }).Should(And(
					HaveField("Clusters", BeEquivalentTo(1)), HaveField("Published", BeEquivalentTo(1)), HaveField("Problems", BeEmpty())))
			}
			hub.atRest(t, g, shared, map[string]int{"class": 1, "classb": 1, "classc": 1})
		})
	}
}

// Two publishers of one class are a mistake, which the command refuses where it can see it. Where it cannot, they must do no
// harm: neither deletes what the other one has published, and at rest neither writes.
func TestPublishersOfOneClass(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]string{"OneManager": "cluster-api", "AnotherManager": "cluster-api-b"} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			hub.inventory(t, "one-class", v1alpha1.InventorySpec{}, namespace)
			hub.startPublisher(t, watching("a"))
			hub.startPublisher(t, watching("b"), manager(other))
			uids := map[string]any{}
			for _, name := range []string{"a", "b", "bb"} {
				cluster := fixture.Cluster(
					namespace,
					name,
					fixture.Provisioned("v1.36.3"),
					fixture.Labels(map[string]string{clusterv1.WatchLabel: name[:1]}),
				)
				hub.createCluster(t, cluster, hub.kubeconfig(name, "https://"+name+":6443"))
				uids[name] = hub.published(t, g, namespace, name).UID
			}
			hub.atRest(t, g, namespace, map[string]int{"one-class": 3})
			for name, uid := range uids {
				g.Expect(hub.get(t, namespace, name)).To(HaveField("UID", uid))
			}
		})
	}
}

// A profile that the publisher of another class has published is foreign, under one name for all managers too.
func TestProfileOfAnotherClassIsForeign(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, shared := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "first-class", v1alpha1.InventorySpec{Namespace: shared}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, shared, namespace+"--c1")
	hub.inventory(t, "second-class", v1alpha1.InventorySpec{Namespace: shared, PublisherClass: "second"}, namespace)
	hub.startPublisher(t, class("second"))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "second-class").Status.Problems }).
		Should(ConsistOf(HaveField("Reason", v1alpha1.ProblemForeignProfile)))
	hub.atRest(t, g, shared, map[string]int{"first-class": 1, "second-class": 1})
	g.Expect(hub.get(t, shared, namespace+"--c1").Labels).To(HaveKeyWithValue(v1alpha1.LabelInventory, "first-class"))

	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "first-class"}})).To(Succeed())
	g.Eventually(func() string {
		if profile := hub.get(t, shared, namespace+"--c1"); profile != nil {
			return profile.Labels[v1alpha1.LabelInventory]
		}
		return ""
	}).Should(Equal("second-class"), "the name is free")
}

// A publisher whose namespaces are narrowed leaves what it published elsewhere, says so without an error, and lets go of an
// Inventory all the same.
func TestNarrowedNamespaces(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, elsewhere := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "narrowed", v1alpha1.InventorySpec{}, namespace, elsewhere)
	first := hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.settled(t, g, namespace, "c1")
	first.stop()

	second := hub.startPublisher(t, inNamespaces(elsewhere))
	hub.createCluster(t, fixture.Cluster(elsewhere, "c2", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c2", "https://10.0.0.2:6443"))
	hub.published(t, g, elsewhere, "c2")
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "narrowed").Status.Problems }).
		Should(ConsistOf(And(HaveField("Cluster", namespace+"/c1"), HaveField("Reason", v1alpha1.ProblemNotWatched), HaveField("Message",
			ContainSubstring("--namespace")))))
	g.Expect(hub.get(t, namespace, "c1")).To(HaveField("ResourceVersion", before.ResourceVersion))
	g.Expect(second.logs.String()).NotTo(ContainSubstring(`"level":"error"`))

	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "narrowed"}})).To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil(), "its Inventory is gone, whatever became of the Cluster")
	g.Eventually(func() bool {
		return apierrors.IsNotFound(hub.Get(t.Context(), client.ObjectKey{Name: "narrowed"}, &v1alpha1.Inventory{}))
	}).Should(BeTrue())
}

// A publisher that is given another manager's name leaves the profiles of the old one, and says whose they are.
func TestChangedManagerName(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "renamed-manager", v1alpha1.InventorySpec{}, namespace)
	first := hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.settled(t, g, namespace, "c1")
	first.stop()
	hub.startPublisher(t, manager("another"))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "renamed-manager").Status.Problems }).
		Should(ConsistOf(And(HaveField("Reason", v1alpha1.ProblemForeignProfile), HaveField("Message", ContainSubstring(`"cluster-api"`)))))
	g.Expect(hub.get(t, namespace, "c1")).To(HaveField("ResourceVersion", before.ResourceVersion))
	g.Expect(hub.Delete(t.Context(), before)).To(Succeed())
	g.Expect(hub.published(t, g, namespace, "c1").Spec.ClusterManager.Name).To(Equal("another"), "a person has decided")
	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "renamed-manager"}})).To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
}

// passes is how many passes over all Clusters must write nothing: a status is collected for about as long as one takes.
const passes = 3

// atRest waits until passes over the Clusters of the Inventories, of which each selects so many, write nothing: all profiles of a
// namespace and the Inventories keep their resourceVersions. Nor has a writer stopped because it has written too often.
func (hub *testHub) atRest(t *testing.T, g *WithT, namespace string, clusters map[string]int) {
	t.Helper()
	versions := func() map[string]string {
		seen := map[string]string{}
		var list inventoryv1alpha1.ClusterProfileList
		g.Expect(hub.List(t.Context(), &list, client.InNamespace(namespace))).To(Succeed())
		for _, p := range list.Items {
			seen[p.Name+" "+string(p.UID)] = p.ResourceVersion
		}
		var grants v1alpha1.AccessGrantList
		g.Expect(hub.List(t.Context(), &grants, client.InNamespace(namespace))).To(Succeed())
		for _, grant := range grants.Items {
			seen["AccessGrant "+grant.Name+" "+string(grant.UID)] = grant.ResourceVersion
		}
		for name := range clusters {
			seen["Inventory "+name] = hub.readInventory(t, name).ResourceVersion
		}
		return seen
	}
	g.Eventually(func() bool {
		before := versions()
		for range passes {
			for name, count := range clusters {
				hub.pass(t, g, name, count)
			}
		}
		return maps.Equal(before, versions())
	}).Should(BeTrue(), "it comes to rest")
	for name := range clusters {
		g.Expect(hub.readInventory(t, name).Status.Problems).NotTo(ContainElement(
			HaveField("Reason", BeElementOf(v1alpha1.ProblemContested, v1alpha1.ProblemWriteDelayed))))
	}
}

// pass waits until every Cluster of an Inventory has been reconciled again, and the status of an Inventory written: until those of a
// copy that publishes elsewhere are.
func (hub *testHub) pass(t *testing.T, g *WithT, inventory string, clusters int) {
	t.Helper()
	copied := &v1alpha1.Inventory{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "copy-"},
		Spec:       hub.readInventory(t, inventory).Spec,
	}
	copied.Spec.Namespace = hub.newNamespace(t, nil)
	hub.create(t, copied)
	t.Cleanup(func() { hub.removeInventory(t, copied.Name) })
	g.Eventually(func(g Gomega) {
		var list inventoryv1alpha1.ClusterProfileList
		g.Expect(hub.List(t.Context(), &list, client.InNamespace(copied.Spec.Namespace))).To(Succeed())
		g.Expect(list.Items).To(And(HaveLen(clusters), HaveEach(HaveField("Status.AccessProviders", Not(BeEmpty())))))
		g.Expect(hub.readInventory(t, copied.Name).Status.Published).To(BeNumerically(">", 0))
	}).Should(Succeed())
	g.Expect(hub.Delete(t.Context(), copied)).To(Succeed())
}
