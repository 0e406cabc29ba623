// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// tenantsGrant is an AccessGrant of a tenant's making.
func tenantsGrant(namespace, name, profile string) *v1alpha1.AccessGrant {
	return &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.AccessGrantSpec{
			Inventory: "scoped", Provider: "reader", Profile: profile,
			Cluster:        v1alpha1.GrantedCluster{Namespace: namespace, Name: "c2", UID: "no-such-cluster"},
			ServiceAccount: v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"edit"}},
		},
	}
}

// A grant names what may exist: its readers look that up, and client-go sends no request for a name that none can have.
func TestNamesInGrants(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	for field, change := range map[string]func(*v1alpha1.AccessGrantSpec){
		"spec.inventory":         func(spec *v1alpha1.AccessGrantSpec) { spec.Inventory = "a/b" },
		"spec.profile":           func(spec *v1alpha1.AccessGrantSpec) { spec.Profile = ".." },
		"spec.cluster.namespace": func(spec *v1alpha1.AccessGrantSpec) { spec.Cluster.Namespace = "%" },
		"spec.cluster.name":      func(spec *v1alpha1.AccessGrantSpec) { spec.Cluster.Name = "a/b" },
	} {
		grant := tenantsGrant(namespace, "c1.forged", "c1")
		change(&grant.Spec)
		g.Expect(hub.Create(t.Context(), grant)).To(MatchError(ContainSubstring(field)))
	}
}

// What a tenant changes of a grant is put back on the same object; one that the tenant deletes comes back.
func TestChangedGrantsArePutBack(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "scoped", scopedAccess(), namespace)
	hub.startPublisher(t)
	hub.createC1(t, namespace, "https://10.0.0.1:6443")
	grant := hub.asked(t, g, namespace, "c1.reader")
	hub.grantAccess(t, grant)
	hub.published(t, g, namespace, "c1")
	before := hub.grant(t, namespace, "c1.reader")
	for name, patch := range map[string]string{
		"Roles":         `{"spec":{"serviceAccount":{"clusterRoles":["edit"]}}}`,
		"Rules":         `{"spec":{"serviceAccount":{"rules":[{"verbs":["get"],"apiGroups":[""],"resources":["secrets"]}]}}}`,
		"Endpoint":      `{"spec":{"endpoint":"sha256:theirs"}}`,
		"Inventory":     `{"spec":{"inventory":"another"}}`,
		"Owner":         `{"metadata":{"ownerReferences":null}}`,
		"Labels":        `{"metadata":{"labels":null}}`,
		"ManagedFields": `{"metadata":{"managedFields":[{}]}}`,
	} {
		target := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "c1.reader"}}
		g.Expect(hub.Patch(t.Context(), target, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("tenant"))).
			To(Succeed(), name)
		g.Eventually(func() any { return hub.grant(t, namespace, "c1.reader") }).Should(And(
			HaveField("UID", before.UID), HaveField("Spec", before.Spec), HaveField("Labels", before.Labels),
			HaveField("OwnerReferences", before.OwnerReferences),
			HaveField("ManagedFields", ContainElement(HaveField("Manager", "capi-inventory-publisher"))),
		), name)
	}
	g.Expect(reference(hub.get(t, namespace, "c1"))).To(MatchJSON(grantedReference(namespace)))

	g.Expect(hub.Delete(t.Context(), before)).To(Succeed())
	g.Eventually(func() any { return hub.grant(t, namespace, "c1.reader") }).
		Should(And(Not(BeNil()), HaveField("UID", Not(Equal(before.UID)))))
	g.Expect(reference(hub.get(t, namespace, "c1"))).To(MatchJSON(grantedReference(namespace)), "there is nothing better")
}

// A grant that a tenant makes up is nobody's access provider, whatever its status says; and no status has another Secret published.
func TestForgedGrantsAreNeverAdvertised(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "scoped", scopedAccess(), namespace)
	hub.startPublisher(t)
	madeUp := tenantsGrant(namespace, "c1.mine", "c1")
	hub.create(t, madeUp)
	hub.grantAccess(t, madeUp)
	hub.createC1(t, namespace, "https://10.0.0.1:6443")
	grant := hub.asked(t, g, namespace, "c1.reader")
	g.Consistently(func() string { return reference(hub.get(t, namespace, "c1")) }).Should(BeEmpty())

	forged := func(s *v1alpha1.AccessGrantStatus) {
		s.Secret = &v1alpha1.GrantedSecret{Name: "c1-kubeconfig", Key: "other", ResourceVersion: "1"}
	}
	hub.grantAccess(t, grant, forged)
	g.Eventually(func() string { return reference(hub.get(t, namespace, "c1")) }).Should(MatchJSON(grantedReference(namespace)))
	hub.patchInventory(t, "scoped", `{"spec":{"accessProviders":[{"name":"other","exec":{}}]}}`)
	g.Eventually(func() any { return hub.grant(t, namespace, "c1.reader") }).Should(BeNil())
	g.Expect(hub.grant(t, namespace, "c1.mine")).To(HaveField("UID", madeUp.UID), "it is not the publisher's to delete")
}

// A tenant who is first with the name of a grant, for something else, is reported; when that is deleted, the publisher makes its own.
func TestTakenNameOfAGrantIsReported(t *testing.T) {
	t.Parallel()
	for name, profile := range map[string]string{"OtherCluster": "c1", "OtherProfile": "c2"} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			hub.inventory(t, "scoped", scopedAccess(), namespace)
			hub.startPublisher(t)
			taken := tenantsGrant(namespace, "c1.reader", profile)
			hub.create(t, taken)
			hub.grantAccess(t, taken)
			hub.createC1(t, namespace, "https://10.0.0.1:6443")
			g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "scoped").Status.Problems }).Should(ConsistOf(And(
				HaveField("Reason", v1alpha1.ProblemAccessNotGranted), HaveField("Message", ContainSubstring("another writer's")),
			)))
			g.Expect(hub.get(t, namespace, "c1").Status.AccessProviders).To(BeEmpty())
			g.Expect(hub.grant(t, namespace, "c1.reader")).To(And(HaveField("UID", taken.UID), HaveField("Spec", taken.Spec)))

			g.Expect(hub.Delete(t.Context(), taken)).To(Succeed())
			g.Eventually(func() any { return hub.grant(t, namespace, "c1.reader") }).
				Should(And(Not(BeNil()), HaveField("Spec.Cluster.Name", "c1")))
		})
	}
}

// Another writer has other roles in mind: they are put back ten times at once, and then after pauses that double.
func TestFightOverAGrantSlowsDown(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "grant-fight", scopedAccess(), namespace)
	hub.startPublisher(t, withClock(clock))
	hub.createC1(t, namespace, "https://10.0.0.1:6443")
	hub.grantAccess(t, hub.asked(t, g, namespace, "c1.reader"))
	hub.published(t, g, namespace, "c1")
	changed := hub.adversaryOf(t, &v1alpha1.AccessGrantList{}, namespace, func(object runtime.Object) bool {
		grant, ok := object.(*v1alpha1.AccessGrant)
		if !ok || grant.Spec.ServiceAccount.ClusterRoles[0] != "view" {
			return false
		}
		grant.Spec.ServiceAccount.ClusterRoles[0] = "edit"
		return hub.Update(context.Background(), grant, client.FieldOwner("other-writer")) == nil
	})
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "grant-fight").Status.Problems }).Should(ContainElement(
		And(HaveField("Reason", v1alpha1.ProblemContested), HaveField("Message", ContainSubstring(`by "other-writer"`))),
	))
	g.Expect(changed.Load()).To(BeNumerically("<=", 11))
	g.Consistently(changed.Load).Should(Equal(changed.Load()), "nothing is written before the pause is over")
	before := changed.Load()
	g.Eventually(func() int64 {
		clock.Step(lastPause)
		return changed.Load()
	}).Should(BeNumerically(">", before), "it continues after a pause")
}
