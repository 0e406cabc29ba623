// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Another manager has published a profile under the name that a Cluster's would have. It is left as it is, and reported; when the
// other manager takes it away, the Cluster gets its own.
func TestForeignProfileSurvives(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	cluster := inMemory("foreign")
	foreign := &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: cluster.Namespace, Name: cluster.Name,
			Labels: map[string]string{inventoryv1alpha1.LabelClusterManagerKey: "another-manager"},
		},
		Spec: inventoryv1alpha1.ClusterProfileSpec{ClusterManager: inventoryv1alpha1.ClusterManager{Name: "another-manager"}},
	}
	g.Expect(k8s.Create(t.Context(), ourNamespace(cluster.Namespace))).To(Succeed())
	g.Expect(k8s.Create(t.Context(), foreign)).To(Succeed())
	before := cluster.profile(g)
	spoke := newSpoke(t, cluster)

	g.Eventually(func(g Gomega) {
		problems := read(g, client.ObjectKey{Name: "default"}, &v1alpha1.Inventory{}).Status.Problems
		g.Expect(problems).
			To(ContainElement(And(HaveField("Cluster", spoke.String()), HaveField("Reason", v1alpha1.ProblemForeignProfile))))
	}).Should(Succeed())
	step(t, "The Inventory reports it")
	g.Eventually(func(g Gomega) {
		var events eventsv1.EventList
		g.Expect(k8s.List(t.Context(), &events, client.InNamespace(spoke.Namespace))).To(Succeed())
		g.Expect(events.Items).
			To(ContainElement(And(HaveField("Reason", v1alpha1.ProblemForeignProfile), HaveField("Regarding.Name", spoke.Name))))
	}).Should(Succeed())
	step(t, "An Event on the Cluster reports it")
	spoke.waitAvailable(t)
	g.Expect(spoke.profile(g)).To(Equal(before))

	step(t, "The other manager takes its profile away")
	g.Expect(k8s.Delete(t.Context(), foreign)).To(Succeed())
	g.Expect(spoke.waitHealthy(t).Spec.ClusterManager.Name).To(Equal("cluster-api"))
	g.Eventually(func(g Gomega) {
		problems := read(g, client.ObjectKey{Name: "default"}, &v1alpha1.Inventory{}).Status.Problems
		g.Expect(problems).NotTo(ContainElement(HaveField("Cluster", spoke.String())))
	}).Should(Succeed())
}
