// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	clocktesting "k8s.io/utils/clock/testing"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// lastPause is the longest pause between two writes of a contested profile.
const lastPause = 10 * time.Minute

// adversary acts at every change of a namespace's profiles, as a controller does. It returns how often it did.
func (hub *testHub) adversary(t *testing.T, namespace string, act func(*inventoryv1alpha1.ClusterProfile) bool) *atomic.Int64 {
	t.Helper()
	return hub.adversaryOf(t, &inventoryv1alpha1.ClusterProfileList{}, namespace, func(object runtime.Object) bool {
		p, ok := object.(*inventoryv1alpha1.ClusterProfile)
		return ok && act(p)
	})
}

// adversaryOf is one that acts at every change of objects of another kind.
func (hub *testHub) adversaryOf(
	t *testing.T, list client.ObjectList, namespace string, act func(runtime.Object) bool,
) *atomic.Int64 {
	t.Helper()
	watching, err := client.NewWithWatch(hub.Config(), client.Options{Scheme: newScheme()})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := watching.Watch(t.Context(), list, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	var acted atomic.Int64
	go func() {
		for e := range stream.ResultChan() {
			if e.Type != watch.Deleted && act(e.Object) {
				acted.Add(1)
			}
		}
	}()
	t.Cleanup(stream.Stop)
	return &acted
}

// Another writer has another server in mind: ten times the right one is put back at once, and then after
// pauses that double; the problem names the writer.
func TestFightOverAccessSlowsDown(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "access-fight", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t, withClock(clock))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	taken := hub.adversary(t, namespace, func(p *inventoryv1alpha1.ClusterProfile) bool {
		if server(p) != "https://10.0.0.1:6443" {
			return false
		}
		p.Status.AccessProviders[0].Cluster.Server = "https://10.0.0.2:6443"
		return hub.Status().Update(context.Background(), p, client.FieldOwner("other-writer")) == nil
	})
	contested := ContainElement(
		And(HaveField("Reason", v1alpha1.ProblemContested), HaveField("Message", ContainSubstring(`"other-writer"`))),
	)
	problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "access-fight").Status.Problems }
	g.Eventually(problems).Should(contested)
	g.Expect(taken.Load()).To(BeNumerically("<=", 11))
	g.Consistently(taken.Load).Should(Equal(taken.Load()), "nothing is written before the pause is over")
	for range 3 {
		// How long the pauses are, TestBudgets says; here the clock may be ahead of the note of a write.
		before := taken.Load()
		g.Eventually(func() int64 {
			clock.Step(lastPause)
			return taken.Load()
		}).Should(BeNumerically(">", before), "it continues after a pause")
	}
	g.Eventually(problems).Should(contested, "it is reported as long as it lasts")
	g.Expect(hub.ready(t, "access-fight").Status).To(Equal(metav1.ConditionFalse))
}

// A GitOps tool prunes what it does not know: ten profiles are created at once, and then one after pauses that double.
func TestFightOverExistenceSlowsDown(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "existence-fight", v1alpha1.InventorySpec{}, namespace)
	pruned := hub.adversary(t, namespace, func(p *inventoryv1alpha1.ClusterProfile) bool {
		return hub.Delete(context.Background(), p, client.Preconditions{UID: &p.UID}) == nil
	})
	hub.startPublisher(t, withClock(clock))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "existence-fight").Status.Problems }
	contested := ContainElement(
		And(HaveField("Reason", v1alpha1.ProblemContested), HaveField("Message", ContainSubstring("deleted again and again"))),
	)
	g.Eventually(problems).Should(contested)
	g.Expect(pruned.Load()).To(BeEquivalentTo(10))
	g.Consistently(pruned.Load).Should(BeEquivalentTo(10))
	g.Eventually(func() int64 {
		clock.Step(time.Second)
		return pruned.Load()
	}).Should(BeNumerically(">", 10), "it continues after a pause; how long the pauses are, TestBudgets says")
	g.Eventually(problems).Should(contested)
}

// A label that a policy refuses neither holds up a changed endpoint nor is it forgotten: the problem stays as long as the
// refusal does.
func TestRefusedLabelBlocksNothingElse(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "refused-label", v1alpha1.InventorySpec{Labels: v1alpha1.Propagation{Include: []string{"env"}}}, namespace)
	hub.startPublisher(t, withClock(clock))
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.published(t, g, namespace, "c1")
	binding := hub.deny(t, namespace, admissionregistrationv1.Update, metav1.StatusReasonForbidden, func() error {
		trial := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"trial":"yes"}}}`))
		return hub.Patch(t.Context(), before.DeepCopy(), trial, client.DryRunAll)
	})
	hub.updateCluster(t, cluster, fixture.Labels(map[string]string{"env": "prod"}))
	refused := ConsistOf(HaveField("Reason", v1alpha1.ProblemWriteRefused))
	problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "refused-label").Status.Problems }
	g.Eventually(problems).Should(refused)
	rotated := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.9:6443"))
	g.Expect(hub.Update(t.Context(), rotated)).To(Succeed())
	g.Eventually(func() string { return server(hub.get(t, namespace, "c1")) }).Should(Equal("https://10.0.0.9:6443"))
	// More attempts than the budget has writes.
	for i := range 15 {
		hub.updateCluster(t, cluster, fixture.Annotations(map[string]string{"touched": string(rune('a' + i))}))
	}
	g.Consistently(problems, "3s").Should(refused)
	g.Expect(hub.ready(t, "refused-label").Status).To(Equal(metav1.ConditionFalse))
	g.Expect(hub.Delete(t.Context(), binding)).To(Succeed())
	g.Eventually(func() string {
		clock.Step(time.Minute)
		return hub.get(t, namespace, "c1").Labels["env"]
	}).Should(Equal("prod"), "an attempt that is refused spends nothing, and is repeated")
	g.Eventually(problems).Should(BeEmpty())
}
