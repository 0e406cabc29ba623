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
	for name, tc := range map[string]struct {
		why string
		// prepare makes the edit fail; it is given the namespace of the Cluster and returns the one to publish into.
		prepare func(t *testing.T, namespace string) string
		reason  string
	}{
		"NamespaceMissing": {
			why:     "one letter of the name is wrong",
			prepare: func(*testing.T, string) string { return "no-such-namespace" },
			reason:  v1alpha1.ProblemNamespaceMissing,
		},
		"NamespaceTerminating": {
			why: "the new namespace is going",
			prepare: func(t *testing.T, _ string) string {
				target := newNamespace(t, nil)
				if err := k8s.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: target}}); err != nil {
					t.Fatal(err)
				}
				return target
			},
			reason: v1alpha1.ProblemNamespaceTerminating,
		},
		"NameTaken": {
			why: "another manager has the name there",
			prepare: func(t *testing.T, namespace string) string {
				target := newNamespace(t, nil)
				create(t, foreign(target, namespace+"--c1"))
				return target
			},
			reason: v1alpha1.ProblemForeignProfile,
		},
		"Forbidden": {
			why: "a policy forbids profiles there",
			prepare: func(t *testing.T, _ string) string {
				target := newNamespace(t, nil)
				deny(t, target, admissionregistrationv1.Create, metav1.StatusReasonForbidden, func() error { return tryToCreate(t, target) })
				return target
			},
			reason: v1alpha1.ProblemWriteRefused,
		},
		"ClaimedByOther": {
			why: "an older Inventory publishes the Cluster there",
			prepare: func(t *testing.T, namespace string) string {
				target := newNamespace(t, nil)
				// Of two that were made in the same second, the one whose name comes first counts as the older.
				inventory(t, "edit-a-older", v1alpha1.InventorySpec{Namespace: target}, namespace)
				return target
			},
			reason: v1alpha1.ProblemClaimedByOther,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			namespace := newNamespace(t, nil)
			target := tc.prepare(t, namespace)
			edited := inventory(t, "edit-b-fails", v1alpha1.InventorySpec{}, namespace)
			startPublisher(t)
			createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), kubeconfig("c1", "https://10.0.0.1:6443"))
			before := published(t, g, namespace, "c1")

			patchInventory(t, edited.Name, fmt.Sprintf(`{"spec":{"namespace":%q}}`, target))
			g.Eventually(func() []v1alpha1.InventoryProblem { return readInventory(t, edited.Name).Status.Problems }).
				Should(ContainElement(HaveField("Reason", tc.reason)), tc.why)
			g.Eventually(func() *metav1.Condition { return ready(t, edited.Name) }).Should(And(HaveField("Status", metav1.ConditionFalse), HaveField("ObservedGeneration", BeEquivalentTo(2))))
			g.Consistently(func() any { return get(t, namespace, "c1") }).Should(HaveField("ResourceVersion", before.ResourceVersion), tc.why)

			patchInventory(t, edited.Name, `{"spec":{"namespace":null}}`)
			g.Eventually(func() *metav1.Condition { return ready(t, edited.Name) }).Should(And(HaveField("Status", metav1.ConditionTrue), HaveField("ObservedGeneration", BeEquivalentTo(3))), "the edit is taken back")
			g.Expect(get(t, namespace, "c1")).To(HaveField("UID", before.UID))
		})
	}
}

// A profile with access is not given up for one without: the new profile of a Cluster whose kubeconfig is broken has nothing to
// fall back on.
func TestReplacementWithoutAccessReplacesNothing(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t, nil)
	renamed := inventory(t, "replaces", v1alpha1.InventorySpec{}, namespace)
	startPublisher(t)
	createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), kubeconfig("c1", "https://10.0.0.1:6443"))
	published(t, g, namespace, "c1")
	g.Expect(k8s.Delete(t.Context(), fixture.KubeconfigSecret(namespace, "c1", nil))).To(Succeed())
	g.Eventually(func() string { return joined(get(t, namespace, "c1")).Message }).Should(ContainSubstring("no such Secret"))

	patchInventory(t, renamed.Name, `{"spec":{"profileName":"NamespaceAndName"}}`)
	g.Eventually(func() any { return get(t, namespace, namespace+"--c1") }).ShouldNot(BeNil())
	g.Consistently(func() string { return server(get(t, namespace, "c1")) }).Should(Equal("https://10.0.0.1:6443"))

	create(t, fixture.KubeconfigSecret(namespace, "c1", kubeconfig("c1", "https://10.0.0.1:6443")))
	published(t, g, namespace, namespace+"--c1")
	g.Eventually(func() any { return get(t, namespace, "c1") }).Should(BeNil(), "now it is replaced")
}

// What an Inventory that cannot work has published stays its own: nobody takes it over.
func TestInvalidInventoryIsNotTakenOver(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t, nil)
	older := inventory(t, "invalid-a", v1alpha1.InventorySpec{}, namespace)
	younger := inventory(t, "invalid-b", v1alpha1.InventorySpec{ProfileName: v1alpha1.ProfileNamingNamespaceAndName}, namespace)
	startPublisher(t)
	cluster := createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), kubeconfig("c1", "https://10.0.0.1:6443"))
	before := published(t, g, namespace, "c1")

	patchInventory(t, older.Name, `{"spec":{"properties":[{"name":"x.example.com","expression":"cluster."}]}}`)
	g.Eventually(func() *metav1.Condition { return ready(t, older.Name) }).Should(HaveField("Reason", v1alpha1.ReasonInvalidSpec))
	updateCluster(t, cluster, fixture.Annotations(map[string]string{"touched": "1"}))
	g.Consistently(func() any { return get(t, namespace, namespace+"--c1") }).Should(BeNil())
	g.Expect(get(t, namespace, "c1")).To(HaveField("ResourceVersion", before.ResourceVersion))
	g.Eventually(func() []v1alpha1.InventoryProblem { return readInventory(t, younger.Name).Status.Problems }).Should(ContainElement(HaveField("Reason", v1alpha1.ProblemClaimedByOther)))

	t.Run("but a Cluster may still opt out", func(t *testing.T) {
		g := NewWithT(t)
		updateCluster(t, cluster, fixture.Labels(map[string]string{v1alpha1.LabelPublish: "False"}))
		g.Eventually(func() any { return get(t, namespace, "c1") }).Should(BeNil())
	})
}

// A Cluster deselected between its publication and the moment at which the cache shows it leaves no orphan: neither event nor
// index knew of a profile when the Inventory changed.
func TestDeselectedBeforeItIsSeen(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t, nil)
	held := holdProfiles(t)
	quick := inventory(t, "quick", v1alpha1.InventorySpec{}, namespace)
	startPublisherOn(t, held.config())
	g.Eventually(func() *metav1.Condition { return ready(t, quick.Name) }).ShouldNot(BeNil())
	held.hold()
	createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), kubeconfig("c1", "https://10.0.0.1:6443"))
	published(t, g, namespace, "c1")
	patchInventory(t, quick.Name, `{"spec":{"clusterSelector":{"matchLabels":{"no":"cluster"}}}}`)
	g.Eventually(func() int64 { return readInventory(t, quick.Name).Status.ObservedGeneration }).Should(BeEquivalentTo(2))
	held.release()
	g.Eventually(func() any { return get(t, namespace, "c1") }).Should(BeNil())
}

func patchInventory(t *testing.T, name, patch string) {
	t.Helper()
	target := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := k8s.Patch(t.Context(), target, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}
