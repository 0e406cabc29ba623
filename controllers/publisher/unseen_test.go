// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// While the first list of a kind has not arrived, what is published of its objects stays as it is, however long that takes.
func TestNotYetSeenIsNotAbsent(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "slow-kind", v1alpha1.InventorySpec{
		Properties: []v1alpha1.PropertyExpression{{Name: "replicas.example.com", Expression: "controlPlane.spec.replicas"}},
		AccessProviders: []v1alpha1.AccessProvider{
			{Name: "kubeconfig-secretreader", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
			{Name: "other", Exec: &v1alpha1.ExecAccess{Server: "'https://' + controlPlane.metadata.name + ':6443'"}},
		},
	}, namespace)
	first := hub.startPublisher(t)
	withoutVersions := func(c *clusterv1.Cluster) { c.Status.ControlPlane = nil }
	plane := controlPlane(namespace, "c1")
	hub.create(t, plane)
	t.Cleanup(func() { _ = hub.Delete(contextOf(t), plane) })
	plane.Object["status"] = map[string]any{"version": "v1.36.0"}
	g.Expect(hub.Status().Update(t.Context(), plane)).To(Succeed())
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned(""), withoutVersions),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).
		Should(And(Not(BeNil()), HaveField("Status.Version.Kubernetes", "v1.36.0"), HaveField("Status.AccessProviders", HaveLen(2))))
	before := hub.get(t, namespace, "c1")
	first.stop()

	clock := clocktesting.NewFakeClock(time.Now())
	held := &heldWatch{hub: hub, resource: "/kubeadmcontrolplanes", lists: true}
	t.Cleanup(held.release)
	held.hold()
	second := hub.startPublisherOn(t, held.config(), withClock(clock))
	g.Eventually(second.logs.String).Should(ContainSubstring("Watching a kind that Clusters refer to"))
	clock.Step(5 * time.Second)
	left := 40
	g.Eventually(func() []v1alpha1.InventoryProblem {
		// It is reconciled again in a second, by its clock; after a minute the list would be late.
		if left > 0 {
			left--
			clock.Step(time.Second)
		}
		return hub.readInventory(t, "slow-kind").Status.Problems
	}).WithPolling(500*time.Millisecond).Should(ContainElement(
		And(
			HaveField("Reason", v1alpha1.ProblemWaitingForObjects),
			HaveField("Message", ContainSubstring("KubeadmControlPlane")),
		),
	), "the Inventory says what it waits for")
	g.Expect(hub.ready(t, "slow-kind").Status).To(Equal(metav1.ConditionUnknown))
	clock.Step(time.Minute)
	g.Eventually(func() []v1alpha1.InventoryProblem {
		clock.Step(10 * time.Second)
		return hub.readInventory(t, "slow-kind").Status.Problems
	}).Should(ContainElement(HaveField("Reason", v1alpha1.ProblemObjectsUnavailable)), "it is not just slow")
	hub.updateCluster(t, cluster, fixture.Annotations(map[string]string{v1alpha1.AnnotationDisplayName: "Written meanwhile"}))
	g.Eventually(func() string { return hub.get(t, namespace, "c1").Spec.DisplayName }).Should(Equal("Written meanwhile"))
	after := hub.get(t, namespace, "c1")
	g.Expect(after.Status.Version).To(Equal(before.Status.Version))
	g.Expect(after.Status.Properties).To(Equal(before.Status.Properties))
	g.Expect(after.Status.AccessProviders).To(Equal(before.Status.AccessProviders))

	held.release()
	g.Eventually(func() []v1alpha1.InventoryProblem {
		clock.Step(10 * time.Second)
		return hub.readInventory(t, "slow-kind").Status.Problems
	}).Should(BeEmpty())
	g.Expect(hub.get(t, namespace, "c1").Status.Version).To(Equal(before.Status.Version))
}

// A Secret that the API server does not give for a moment is what it was: nothing is written for a hiccup.
func TestPassingErrorChangesNothing(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "hiccup", v1alpha1.InventorySpec{}, namespace)
	secret := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	// Without its label nothing watches it: it is read by its name.
	secret.Labels, secret.Type = nil, corev1.SecretTypeOpaque
	hub.create(t, secret)
	var failing atomic.Bool
	var refused atomic.Int64
	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if failing.Load() && strings.HasSuffix(request.URL.Path, "/secrets/c1-kubeconfig") {
				refused.Add(1)
				return nil, errors.New("the API server is away")
			}
			return next.RoundTrip(request)
		})
	})
	hub.startPublisherOn(t, config, withClock(clock))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), nil)
	before := hub.settled(t, g, namespace, "c1")
	failing.Store(true)
	g.Eventually(func() int64 {
		clock.Step(10 * time.Minute)
		return refused.Load()
	}).Should(BeNumerically(">", 2), "it is read again, without any change of the Cluster")
	g.Expect(hub.get(t, namespace, "c1")).To(HaveField("ResourceVersion", before.ResourceVersion))
	g.Expect(hub.readInventory(t, "hiccup").Status.Problems).To(BeEmpty())

	secret.Data["value"] = hub.kubeconfig("c1", "https://10.0.0.9:6443")
	g.Expect(hub.Update(t.Context(), secret)).To(Succeed())
	failing.Store(false)
	g.Eventually(func() string {
		clock.Step(10 * time.Minute)
		return server(hub.get(t, namespace, "c1"))
	}).Should(Equal("https://10.0.0.9:6443"))
}

// A Cluster that refers to a kind that is not served is a problem of its own: the Inventory is ready, and degraded.
func TestUnknownKindKeepsTheInventoryReady(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(
		t,
		"unknown-kind",
		v1alpha1.InventorySpec{
			Properties: []v1alpha1.PropertyExpression{{Name: "zone.example.com", Expression: "infrastructure.spec.zone"}},
		},
		namespace,
	)
	hub.startPublisher(t)
	unknown := func(c *clusterv1.Cluster) {
		c.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{
			APIGroup: "infrastructure.cluster.x-k8s.io",
			Kind:     "NobodyServesThis",
			Name:     "c1",
		}
	}
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3"), unknown),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "unknown-kind").Status.Problems }).ShouldNot(BeEmpty())
	g.Eventually(func() metav1.ConditionStatus { return hub.ready(t, "unknown-kind").Status }).Should(Equal(metav1.ConditionTrue))
	g.Expect(hub.degraded(t, "unknown-kind").Status).To(Equal(metav1.ConditionTrue))
}
