// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// updateStatusAs changes a profile's status as another program would.
func (hub *testHub) updateStatusAs(manager string) func(context.Context, client.Object, ...client.UpdateOption) error {
	return func(ctx context.Context, p client.Object, _ ...client.UpdateOption) error {
		return hub.Status().Update(ctx, p, client.FieldOwner(manager))
	}
}

// What another writer changes of a profile's provenance is restored, on the same profile: to consumers another UID is another
// cluster.
func TestTamperedLabelsAreRestored(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(map[string]string){
		"UIDRemoved":       func(labels map[string]string) { delete(labels, v1alpha1.LabelClusterUID) },
		"UIDChanged":       func(labels map[string]string) { labels[v1alpha1.LabelClusterUID] = "another" },
		"NameChanged":      func(labels map[string]string) { labels[v1alpha1.LabelClusterName] = "typo" },
		"NamespaceChanged": func(labels map[string]string) { labels[v1alpha1.LabelClusterNamespace] = "nowhere" },
		"InventoryRemoved": func(labels map[string]string) { delete(labels, v1alpha1.LabelInventory) },
		"InventoryChanged": func(labels map[string]string) { labels[v1alpha1.LabelInventory] = "no-such-inventory" },
		"MemberChanged":    func(labels map[string]string) { labels[v1alpha1.LabelInventoryMemberID] = "of-another" },
		"AllRemoved":       func(labels map[string]string) { clear(labels) },
	} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			hub.inventory(t, "tampered", v1alpha1.InventorySpec{}, namespace)
			running := hub.startPublisher(t)
			hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
				hub.kubeconfig("c1", "https://10.0.0.1:6443"))
			before := hub.published(t, g, namespace, "c1")
			hub.changeProfile(t, namespace, "c1", hub.Update, func(p *inventoryv1alpha1.ClusterProfile) { tamper(p.Labels) })
			labelled := func() any { return hub.get(t, namespace, "c1") }
			g.Eventually(labelled).Should(And(Not(BeNil()), HaveField("UID", before.UID), HaveField("Labels", maps.Clone(before.Labels))))

			running.stop()
			hub.changeProfile(t, namespace, "c1", hub.Update, func(p *inventoryv1alpha1.ClusterProfile) { tamper(p.Labels) })
			hub.startPublisher(t)
			g.Eventually(labelled).
				Should(And(Not(BeNil()), HaveField("UID", before.UID), HaveField("Labels", maps.Clone(before.Labels))),
					"after a restart too")
		})
	}
}

// What another writer puts over an access provider, or into it, is removed: by the apply if there is something to restore, and
// without a trace where there is not.
func TestTamperedAccessIsNeverAdopted(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(*inventoryv1alpha1.ClusterProfile){
		"Server": func(p *inventoryv1alpha1.ClusterProfile) {
			p.Status.AccessProviders[0].Cluster.Server = "https://evil.example.com:6443"
		},
		"Authority": func(p *inventoryv1alpha1.ClusterProfile) {
			p.Status.AccessProviders[0].Cluster.CertificateAuthorityData = []byte("evil")
		},
		"Proxy": func(p *inventoryv1alpha1.ClusterProfile) {
			p.Status.AccessProviders[0].Cluster.ProxyURL = "https://evil.example.com:3128"
		},
		"TLSServerName": func(p *inventoryv1alpha1.ClusterProfile) {
			p.Status.AccessProviders[0].Cluster.TLSServerName = "evil.example.com"
		},
		"Insecure": func(p *inventoryv1alpha1.ClusterProfile) {
			p.Status.AccessProviders[0].Cluster.InsecureSkipTLSVerify = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			hub.inventory(t, "tampered-access", v1alpha1.InventorySpec{}, namespace)
			hub.startPublisher(t)
			hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
				hub.kubeconfig("c1", "https://10.0.0.1:6443"))
			before := hub.published(t, g, namespace, "c1")
			hub.changeProfile(t, namespace, "c1", hub.updateStatusAs("attacker"), tamper)
			g.Eventually(func() any { return hub.get(t, namespace, "c1").Status.AccessProviders }).
				Should(Equal(before.Status.AccessProviders), "the Secret says what it was")

			g.Expect(hub.Delete(t.Context(), fixture.KubeconfigSecret(namespace, "c1", nil))).To(Succeed())
			g.Eventually(func() string { return joined(hub.get(t, namespace, "c1")).Message }).Should(ContainSubstring("no such Secret"))
			g.Expect(hub.get(t, namespace, "c1").Status.AccessProviders).To(Equal(before.Status.AccessProviders),
				"the last good access stays")
			hub.changeProfile(t, namespace, "c1", hub.updateStatusAs("attacker"), tamper)
			g.Eventually(func() any { return hub.get(t, namespace, "c1").Status.AccessProviders }).
				Should(BeEmpty(), "it is not known what it was")
			g.Eventually(func() metav1.ConditionStatus { return joined(hub.get(t, namespace, "c1")).Status }).
				Should(Equal(metav1.ConditionFalse))

			hub.create(t, fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.1:6443")))
			g.Eventually(func() any { return hub.get(t, namespace, "c1").Status.AccessProviders }).
				Should(Equal(before.Status.AccessProviders))
		})
	}
}

// Two Clusters that say they are one member are both published, and reported.
func TestReportsDuplicateMembers(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	a, b, shared := hub.newNamespace(t, nil), hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "one-id-a", v1alpha1.InventorySpec{Namespace: shared}, a)
	hub.inventory(t, "one-id-b", v1alpha1.InventorySpec{Namespace: shared}, b)
	hub.startPublisher(t)
	victim := hub.createCluster(t, fixture.Cluster(a, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, shared, a+"--c1")
	hub.createCluster(
		t,
		fixture.Cluster(
			b,
			"c1",
			fixture.Provisioned("v1.36.3"),
			fixture.Labels(map[string]string{v1alpha1.LabelInventoryMemberID: string(victim.UID)}),
		),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"),
	)
	hub.published(t, g, shared, b+"--c1")
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "one-id-b").Status.Problems }).Should(ConsistOf(
		And(HaveField("Reason", v1alpha1.ProblemDuplicateMember), HaveField("Message", ContainSubstring(a+"--c1"))),
		And(HaveField("Reason", v1alpha1.ProblemDuplicateServer), HaveField("Message", ContainSubstring(a+"--c1")))), "across Inventories")
}

// A copy that another program made of a profile is that program's.
func TestCopiesAreLeftAlone(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, other := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "copied", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	original := hub.published(t, g, namespace, "c1")
	copies := map[string]*inventoryv1alpha1.ClusterProfile{}
	for _, name := range []string{"c1", "of-another-hub"} {
		mirror := &inventoryv1alpha1.ClusterProfile{
			ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: name, Labels: maps.Clone(original.Labels)},
			Spec:       original.Spec,
		}
		if name != "c1" {
			mirror.Labels[v1alpha1.LabelClusterName], mirror.Labels[v1alpha1.LabelClusterNamespace] = "c2", "somewhere-else"
		}
		g.Expect(hub.Create(t.Context(), mirror, client.FieldOwner("mirror-controller"))).To(Succeed())
		copies[name] = mirror
	}
	// The publisher has seen the copies when it has done something that it learnt of later.
	hub.updateCluster(t, cluster, fixture.Versions("v1.36.4"))
	g.Eventually(func() string { return hub.get(t, namespace, "c1").Status.Version.Kubernetes }).Should(Equal("v1.36.4"))
	g.Consistently(func(g Gomega) {
		for name, mirror := range copies {
			g.Expect(hub.get(t, other, name)).To(HaveField("ResourceVersion", mirror.ResourceVersion))
		}
	}).Should(Succeed())
	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
	g.Expect(hub.get(t, other, "c1")).NotTo(BeNil())
	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "copied"}})).To(Succeed())
	g.Eventually(func() error {
		return hub.Get(t.Context(), client.ObjectKey{Name: "copied"}, &v1alpha1.Inventory{})
	}).ShouldNot(Succeed(), "nor do they hold up a deleted Inventory")
	g.Expect(hub.get(t, other, "c1")).NotTo(BeNil())
}

// A profile without managedFields is written again under its name, and so is the publisher's again.
func TestRemovedManagedFieldsComeBack(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "stripped", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.published(t, g, namespace, "c1")
	g.Expect(hub.Patch(t.Context(), before.DeepCopy(), client.RawPatch(types.MergePatchType,
		[]byte(`{"metadata":{"managedFields":[{}]}}`)))).
		To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(HaveField("ManagedFields", ContainElements(
		And(HaveField("Manager", profile.FieldManager), HaveField("Subresource", "")),
		And(HaveField("Manager", profile.FieldManager), HaveField("Subresource", "status")))))
	g.Expect(hub.get(t, namespace, "c1").UID).To(Equal(before.UID))
	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
}

// A profile of another manager that has this publisher's labels does not hold up a deleted Inventory.
func TestForeignLabelsHoldNoInventory(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, other := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "held-up", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	theirs := foreign(other, "x")
	theirs.Labels[v1alpha1.LabelInventory] = "held-up"
	hub.create(t, theirs)
	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "held-up"}})).To(Succeed())
	g.Eventually(func() error {
		return hub.Get(t.Context(), client.ObjectKey{Name: "held-up"}, &v1alpha1.Inventory{})
	}).ShouldNot(Succeed())
	g.Expect(hub.get(t, other, "x")).To(HaveField("ResourceVersion", theirs.ResourceVersion))
}

// The finalizer is added by a patch that touches nothing else.
func TestFinalizerLeavesTheSpecificationAlone(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	hub.startPublisher(t)
	raw := `{"apiVersion":"capi-inventory.dev/v1alpha1","kind":"Inventory","metadata":{"name":"as-written"},` +
		`"spec":{"namespaceSelector":{},"clusterSelector":{"matchLabels":{"no":"cluster"}},"annotations":{"include":[]}}}`
	object := unstructuredOf(t, raw)
	g.Expect(hub.Create(t.Context(), object, client.FieldOwner("kubectl"))).To(Succeed())
	t.Cleanup(func() { hub.removeInventory(t, "as-written") })
	live := object.DeepCopy()
	g.Eventually(func(g Gomega) []string {
		g.Expect(hub.Get(t.Context(), keyOf(object), live)).To(Succeed())
		return live.GetFinalizers()
	}).ShouldNot(BeEmpty())
	g.Expect(live.Object["spec"]).To(Equal(object.Object["spec"]))
	g.Expect(live.GetGeneration()).To(BeEquivalentTo(1))
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == profile.FieldManager && entry.Subresource == "" {
			g.Expect(strings.Contains(entry.FieldsV1.GetRawString(), "f:spec")).To(BeFalse(), "the publisher owns nothing of it")
		}
	}
}
