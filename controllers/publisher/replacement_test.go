// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// An edit of an Inventory that cannot be carried out leaves every profile as it is.
func TestEditThatFailsDeletesNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		why string
		// prepare makes the edit fail; it is given the namespace of the Cluster and returns the one to publish into.
		prepare func(t *testing.T, hub *testHub, namespace string) string
		reason  string
	}{
		"NamespaceMissing": {
			why:     "one letter of the name is wrong",
			prepare: func(*testing.T, *testHub, string) string { return "no-such-namespace" },
			reason:  v1alpha1.ProblemNamespaceMissing,
		},
		"NamespaceTerminating": {
			why: "the new namespace is going",
			prepare: func(t *testing.T, hub *testHub, _ string) string {
				t.Helper()
				target := hub.newNamespace(t, nil)
				if err := hub.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: target}}); err != nil {
					t.Fatal(err)
				}
				return target
			},
			reason: v1alpha1.ProblemNamespaceTerminating,
		},
		"NameTaken": {
			why: "another manager has the name there",
			prepare: func(t *testing.T, hub *testHub, namespace string) string {
				t.Helper()
				target := hub.newNamespace(t, nil)
				hub.create(t, foreign(target, namespace+"--c1"))
				return target
			},
			reason: v1alpha1.ProblemForeignProfile,
		},
		"Forbidden": {
			why: "a policy forbids profiles there",
			prepare: func(t *testing.T, hub *testHub, _ string) string {
				t.Helper()
				target := hub.newNamespace(t, nil)
				hub.deny(t, target, admissionregistrationv1.Create, metav1.StatusReasonForbidden, func() error {
					return hub.tryToCreate(t,
						target)
				})
				return target
			},
			reason: v1alpha1.ProblemWriteRefused,
		},
		"ClaimedByOther": {
			why: "an older Inventory publishes the Cluster there",
			prepare: func(t *testing.T, hub *testHub, namespace string) string {
				t.Helper()
				target := hub.newNamespace(t, nil)
				// Of two that were made in the same second, the one whose name comes first counts as the older.
				hub.inventory(t, "edit-a-older", v1alpha1.InventorySpec{Namespace: target}, namespace)
				return target
			},
			reason: v1alpha1.ProblemClaimedByOther,
		},
	} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			target := tc.prepare(t, hub, namespace)
			edited := hub.inventory(t, "edit-b-fails", v1alpha1.InventorySpec{}, namespace)
			hub.startPublisher(t)
			hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
				hub.kubeconfig("c1", "https://10.0.0.1:6443"))
			before := hub.settled(t, g, namespace, "c1")

			hub.patchInventory(t, edited.Name, fmt.Sprintf(`{"spec":{"namespace":%q}}`, target))
			g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, edited.Name).Status.Problems }).
				Should(ContainElement(HaveField("Reason", tc.reason)), tc.why)
			g.Eventually(func() *metav1.Condition { return hub.ready(t, edited.Name) }).
				Should(And(HaveField("Status", metav1.ConditionFalse), HaveField("ObservedGeneration", BeEquivalentTo(2))))
			g.Consistently(func() any { return hub.get(t, namespace, "c1") }).
				Should(HaveField("ResourceVersion", before.ResourceVersion), tc.why)

			hub.patchInventory(t, edited.Name, `{"spec":{"namespace":null}}`)
			g.Eventually(func() *metav1.Condition { return hub.ready(t, edited.Name) }).
				Should(And(HaveField("Status", metav1.ConditionTrue), HaveField("ObservedGeneration", BeEquivalentTo(3))),
					"the edit is taken back")
			g.Expect(hub.get(t, namespace, "c1")).To(HaveField("UID", before.UID))
		})
	}
}

// A profile with access is not given up for one without: the new profile of a Cluster whose kubeconfig is broken has nothing to
// fall back on.
func TestReplacementWithoutAccessReplacesNothing(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	renamed := hub.inventory(t, "replaces", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	g.Expect(hub.Delete(t.Context(), fixture.KubeconfigSecret(namespace, "c1", nil))).To(Succeed())
	g.Eventually(func() string { return joined(hub.get(t, namespace, "c1")).Message }).Should(ContainSubstring("no such Secret"))

	hub.patchInventory(t, renamed.Name, `{"spec":{"profileName":"NamespaceAndName"}}`)
	g.Eventually(func() any { return hub.get(t, namespace, namespace+"--c1") }).ShouldNot(BeNil())
	g.Consistently(func() string { return server(hub.get(t, namespace, "c1")) }).Should(Equal("https://10.0.0.1:6443"))

	hub.create(t, fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.1:6443")))
	hub.published(t, g, namespace, namespace+"--c1")
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil(), "now it is replaced")
}

// What an Inventory that cannot work has published stays its own: no other Inventory takes it over.
func TestInvalidInventoryIsNotTakenOver(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	older := hub.inventory(t, "invalid-a", v1alpha1.InventorySpec{}, namespace)
	younger := hub.inventory(t, "invalid-b", v1alpha1.InventorySpec{ProfileName: v1alpha1.ProfileNamingNamespaceAndName}, namespace)
	hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.settled(t, g, namespace, "c1")

	hub.patchInventory(t, older.Name, `{"spec":{"properties":[{"name":"x.example.com","expression":"cluster."}]}}`)
	g.Eventually(func() *metav1.Condition { return hub.ready(t, older.Name) }).Should(HaveField("Reason", v1alpha1.ReasonInvalidSpec))
	hub.updateCluster(t, cluster, fixture.Annotations(map[string]string{"touched": "1"}))
	g.Consistently(func() any { return hub.get(t, namespace, namespace+"--c1") }).Should(BeNil())
	g.Expect(hub.get(t, namespace, "c1")).To(HaveField("ResourceVersion", before.ResourceVersion))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, younger.Name).Status.Problems }).
		Should(ContainElement(HaveField("Reason", v1alpha1.ProblemClaimedByOther)))

	t.Run("but a Cluster may still opt out", func(t *testing.T) {
		g := NewWithT(t)
		hub.updateCluster(t, cluster, fixture.Labels(map[string]string{v1alpha1.LabelPublish: "False"}))
		g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
	})
}

// A Cluster deselected between its publication and the moment at which the cache shows it leaves no orphan: neither event nor
// index knew of a profile when the Inventory changed.
func TestDeselectedBeforeItIsSeen(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	held := hub.holdProfiles(t)
	quick := hub.inventory(t, "quick", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisherOn(t, held.config())
	g.Eventually(func() *metav1.Condition { return hub.ready(t, quick.Name) }).ShouldNot(BeNil())
	held.hold()
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	hub.patchInventory(t, quick.Name, `{"spec":{"clusterSelector":{"matchLabels":{"no":"cluster"}}}}`)
	g.Eventually(func() int64 { return hub.readInventory(t, quick.Name).Status.ObservedGeneration }).Should(BeEquivalentTo(2))
	held.release()
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
}

func (hub *testHub) patchInventory(t *testing.T, name, patch string) {
	t.Helper()
	target := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := hub.Patch(t.Context(), target, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}
