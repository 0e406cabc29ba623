// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func named(name string, spec v1alpha1.InventorySpec) v1alpha1.Inventory {
	return v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func TestWithoutAnInventoryNothingIsPublished(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, other := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.inventory(t, "other", v1alpha1.InventorySpec{}, other)
	hub.createCluster(t, fixture.Cluster(other, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.2:6443"))
	hub.published(t, g, other, "c1")
	g.Expect(hub.get(t, namespace, "c1")).To(BeNil())
}

func TestPublishesIntoSeveralNamespaces(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, argocd, kueue := hub.newNamespace(t, nil), hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "beside", v1alpha1.InventorySpec{}, namespace)
	hub.inventory(t, "argocd", v1alpha1.InventorySpec{Namespace: argocd}, namespace)
	hub.inventory(t, "kueue", v1alpha1.InventorySpec{Namespace: kueue, ProfileName: v1alpha1.ProfileNamingName}, namespace)
	hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	names := map[string]string{namespace: "c1", argocd: namespace + "--c1", kueue: "c1"}
	for in, name := range names {
		g.Expect(hub.published(t, g, in, name).Labels).
			To(HaveKeyWithValue(v1alpha1.LabelInventoryMemberID, string(cluster.UID)), "one member has one id everywhere")
	}

	t.Run("and withdraws from all when the Cluster opts out", func(t *testing.T) {
		g := NewWithT(t)
		hub.updateCluster(t, cluster, fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"}))
		for in, name := range names {
			g.Eventually(func() any { return hub.get(t, in, name) }).Should(BeNil())
		}
		hub.updateCluster(t, cluster, fixture.Labels(map[string]string{v1alpha1.LabelPublish: "true"}))
		for in, name := range names {
			hub.published(t, g, in, name)
		}
	})
	t.Run("and withdraws with its Inventory alone", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "argocd"}})).To(Succeed())
		g.Eventually(func() any { return hub.get(t, argocd, namespace+"--c1") }).Should(BeNil())
		g.Eventually(func() bool {
			return apierrors.IsNotFound(hub.Get(t.Context(), client.ObjectKey{Name: "argocd"}, &v1alpha1.Inventory{}))
		}).
			Should(BeTrue(), "the finalizer is removed with the last profile")
		g.Expect(hub.get(t, kueue, "c1")).NotTo(BeNil())
	})
}

func TestChangedInventoryCleansUp(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, target := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	changing := hub.inventory(t, "changing", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": "prod"})),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	change := func(edit func(*v1alpha1.InventorySpec)) {
		t.Helper()
		g.Eventually(func() error {
			if err := hub.Get(t.Context(), keyOf(changing), changing); err != nil {
				return err
			}
			edit(&changing.Spec)
			return hub.Update(t.Context(), changing)
		}).Should(Succeed())
	}

	change(func(spec *v1alpha1.InventorySpec) { spec.ProfileName = v1alpha1.ProfileNamingNamespaceAndName })
	hub.published(t, g, namespace, namespace+"--c1")
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil(), "renamed")

	change(func(spec *v1alpha1.InventorySpec) { spec.Namespace = target })
	hub.published(t, g, target, namespace+"--c1")
	g.Eventually(func() any { return hub.get(t, namespace, namespace+"--c1") }).Should(BeNil(), "moved")

	change(func(spec *v1alpha1.InventorySpec) {
		spec.ClusterSelector = metav1.LabelSelector{MatchLabels: map[string]string{"env": "test"}}
	})
	g.Eventually(func() any { return hub.get(t, target, namespace+"--c1") }).Should(BeNil(), "deselected")
}

func TestOlderInventoryHasTheNamespace(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	// Of two that were made in the same second, the one whose name comes first counts as the older.
	hub.inventory(t, "claim-a", v1alpha1.InventorySpec{}, namespace)
	hub.inventory(t, "claim-b", v1alpha1.InventorySpec{ProfileName: v1alpha1.ProfileNamingNamespaceAndName}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "claim-b").Status.Problems }).
		Should(ContainElement(And(HaveField("Cluster", namespace+"/c1"), HaveField("Reason", v1alpha1.ProblemClaimedByOther))))
	g.Expect(hub.get(t, namespace, namespace+"--c1")).To(BeNil())

	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "claim-a"}})).To(Succeed())
	hub.published(t, g, namespace, namespace+"--c1")
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
}

func TestSuccessorTakesAProfileOverAsItIs(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "heir-a", v1alpha1.InventorySpec{}, namespace)
	hub.inventory(t, "heir-b", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.published(t, g, namespace, "c1")
	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "heir-a"}})).To(Succeed())
	g.Eventually(func() string { return hub.get(t, namespace, "c1").Labels[v1alpha1.LabelInventory] }).Should(Equal("heir-b"))
	g.Expect(hub.get(t, namespace, "c1").UID).To(Equal(before.UID), "to consumers it is the same cluster")
	g.Eventually(func() bool {
		return apierrors.IsNotFound(hub.Get(t.Context(), client.ObjectKey{Name: "heir-a"}, &v1alpha1.Inventory{}))
	}).Should(BeTrue())
}

func TestTargetNamespaces(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	target := namespace + "-target"
	hub.inventory(t, "missing", v1alpha1.InventorySpec{Namespace: target}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "missing").Status.Problems }).
		Should(ContainElement(HaveField("Reason", v1alpha1.ProblemNamespaceMissing)), "a missing namespace is reported, not created")
	g.Expect(hub.Get(t.Context(), client.ObjectKey{Name: target}, &corev1.Namespace{})).To(MatchError(apierrors.IsNotFound, "IsNotFound"))

	hub.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: target}})
	hub.published(t, g, target, namespace+"--c1")
	g.Eventually(func() *metav1.Condition { return hub.ready(t, "missing") }).Should(HaveField("Status", metav1.ConditionTrue))

	t.Run("are left alone while they terminate", func(t *testing.T) {
		g := NewWithT(t)
		// Nothing finishes the deletion of a namespace here: it stays Terminating.
		g.Expect(hub.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: target}})).To(Succeed())
		hub.createCluster(t, fixture.Cluster(namespace, "c2", fixture.Provisioned("v1.36.3")),
			hub.kubeconfig("c2", "https://10.0.0.2:6443"))
		g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "missing").Status.Problems }).
			Should(ContainElement(And(HaveField("Cluster", namespace+"/c2"), HaveField("Reason", v1alpha1.ProblemNamespaceTerminating))))
		g.Consistently(func() any { return hub.get(t, target, namespace+"--c2") }).Should(BeNil())
		g.Expect(hub.get(t, target, namespace+"--c1")).NotTo(BeNil(), "what is published stays")
		g.Expect(hub.ready(t, "missing").Status).To(Equal(metav1.ConditionFalse), "what is wanted is not there")
	})
}

func TestInvalidInventoryLeavesWhatIsPublished(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	broken := hub.inventory(t, "breaks", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.settled(t, g, namespace, "c1")
	g.Eventually(func() error {
		if err := hub.Get(t.Context(), keyOf(broken), broken); err != nil {
			return err
		}
		broken.Spec.Properties = []v1alpha1.PropertyExpression{{Name: "region.example.com", Expression: "cluster."}}
		return hub.Update(t.Context(), broken)
	}).Should(Succeed())
	g.Eventually(func() *metav1.Condition { return hub.ready(t, "breaks") }).Should(And(
		HaveField("Reason", v1alpha1.ReasonInvalidSpec),
		HaveField("Message", ContainSubstring("spec.properties[region.example.com].expression: line 1"))))
	g.Consistently(func() string { return hub.get(t, namespace, "c1").ResourceVersion }).Should(Equal(before.ResourceVersion))
}

func TestNamespaceLabelsSelect(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, map[string]string{"team": "b"})
	selecting := named(
		"by-label",
		v1alpha1.InventorySpec{NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"team": namespace}}},
	)
	hub.create(t, &selecting)
	t.Cleanup(func() { hub.removeInventory(t, selecting.Name) })
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	label := func(value string) {
		t.Helper()
		patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"labels":{"team":%q}}}`, value))
		g.Expect(hub.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, patch)).To(Succeed())
	}
	g.Eventually(func() *metav1.Condition { return hub.ready(t, "by-label") }).Should(HaveField("Status", metav1.ConditionTrue))
	g.Expect(hub.get(t, namespace, "c1")).To(BeNil())
	label(namespace)
	hub.published(t, g, namespace, "c1")
	label("b")
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
}

func TestInventoryStatus(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "status", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	for i := range 25 {
		name := fmt.Sprintf("c%02d", i)
		hub.createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3")), []byte("not a kubeconfig"))
	}
	g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, "status").Status }).Should(And(
		HaveField("Clusters", BeEquivalentTo(25)),
		HaveField("Published", BeEquivalentTo(25)),
		HaveField("Problems", HaveLen(20)),
		HaveField("Conditions", ContainElement(And(
			HaveField("Type", "Degraded"),
			HaveField("Status", metav1.ConditionTrue),
			HaveField("Message", ContainSubstring("25 problems")))))))
	status := hub.readInventory(t, "status").Status
	g.Expect(status.Problems[0]).To(And(HaveField("Cluster", namespace+"/c00"), HaveField("Reason", "KubeconfigMalformed")))
	g.Expect(meta.FindStatusCondition(status.Conditions, "Ready")).
		To(And(HaveField("Status", metav1.ConditionTrue), HaveField("ObservedGeneration", BeEquivalentTo(1))),
			"every Cluster has its profile")
}

// TestStatusIsOfWhatIsWantedNow changes an Inventory so that it wants more Clusters, and so that nothing follows from it at all.
func TestStatusIsOfWhatIsWantedNow(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	selector := metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}}
	changing := hub.inventory(t, "changing-status", v1alpha1.InventorySpec{ClusterSelector: selector}, namespace)
	hub.startPublisher(t)
	for name, env := range map[string]string{"c1": "prod", "c2": "test"} {
		labels := fixture.Labels(map[string]string{"env": env})
		hub.createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3"), labels),
			hub.kubeconfig(name, "https://"+name+":6443"))
	}
	expect := func(generation int64, clusters int32) {
		t.Helper()
		g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, changing.Name).Status }).Should(And(
			HaveField("Clusters", clusters),
			HaveField("Published", clusters),
			HaveField(
				"Conditions",
				ContainElement(And(HaveField("Reason", v1alpha1.ReasonPublished), HaveField("ObservedGeneration", generation))),
			),
		))
	}
	expect(1, 1)

	wanted := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"clusterSelector":null}}`))
	g.Expect(hub.Patch(t.Context(), changing, wanted)).To(Succeed())
	g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, changing.Name).Status }).Should(
		HaveField("ObservedGeneration", BeEquivalentTo(2)))
	g.Expect(hub.readInventory(t, changing.Name).Status.Clusters).To(BeEquivalentTo(2),
		"what is reported for a generation is what came of it")
	expect(2, 2)

	without := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"labels":{"include":["no-cluster-has-it"]}}}`))
	g.Expect(hub.Patch(t.Context(), changing, without)).To(Succeed())
	expect(3, 2)
}

func TestReportsDuplicateServers(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "twins", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	for _, name := range []string{"c1", "c2"} {
		hub.createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3")),
			hub.kubeconfig(name, "https://10.0.0.1:6443"))
	}
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "twins").Status.Problems }).
		Should(ConsistOf(HaveField("Reason", v1alpha1.ProblemDuplicateServer)))
}

func (hub *testHub) readInventory(t *testing.T, name string) *v1alpha1.Inventory {
	t.Helper()
	inventory := &v1alpha1.Inventory{}
	if err := hub.Get(t.Context(), client.ObjectKey{Name: name}, inventory); err != nil {
		t.Fatal(err)
	}
	return inventory
}

func (hub *testHub) ready(t *testing.T, name string) *metav1.Condition {
	t.Helper()
	return meta.FindStatusCondition(hub.readInventory(t, name).Status.Conditions, v1alpha1.ConditionReady)
}

func (hub *testHub) degraded(t *testing.T, name string) *metav1.Condition {
	t.Helper()
	if found := meta.FindStatusCondition(hub.readInventory(t, name).Status.Conditions, v1alpha1.ConditionDegraded); found != nil {
		return found
	}
	return &metav1.Condition{}
}
