// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	dto "github.com/prometheus/client_model/go"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// A webhook that is down is no refusal, and yet nothing is published: the status says so as long as that lasts.
func TestReportsWhatMayPass(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hook := hub.webhookThatIsDown(t, namespace)
	hub.inventory(t, "webhook", v1alpha1.InventorySpec{}, namespace)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.startPublisher(t, withClock(clock)).working(g)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "webhook").Status.Problems }
	failed := ConsistOf(
		And(
			HaveField("Cluster", namespace+"/c1"),
			HaveField("Reason", v1alpha1.ProblemPublishFailed),
			HaveField("Message", ContainSubstring("down.example.com")),
		),
	)
	g.Eventually(problems).Should(failed)
	g.Consistently(problems, "2s").Should(failed)
	g.Expect(hub.ready(t, "webhook")).To(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", v1alpha1.ReasonNotPublished)))
	g.Expect(hub.condition(t, "webhook", v1alpha1.ConditionStalled)).To(HaveField("Status", metav1.ConditionTrue))
	g.Eventually(func() []string { return hub.eventsOn(t, cluster) }).Should(ContainElement(v1alpha1.ProblemPublishFailed))

	g.Expect(hub.Delete(t.Context(), hook)).To(Succeed())
	g.Eventually(func() any {
		clock.Step(time.Minute)
		return hub.get(t, namespace, "c1")
	}).ShouldNot(BeNil(), "it is tried again within a minute")
	g.Eventually(func() *metav1.Condition { return hub.ready(t, "webhook") }).Should(HaveField("Status", metav1.ConditionTrue))
	g.Expect(hub.condition(t, "webhook", v1alpha1.ConditionStalled)).To(BeNil(),
		"kstatus takes a condition that is there for one that holds")
}

// A withdrawal that waits for the API server is reported, as a publication is.
func TestReportsWhatKeepsAProfile(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "keeps", v1alpha1.InventorySpec{}, namespace)
	var failing atomic.Bool
	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if failing.Load() && strings.HasSuffix(request.URL.Path, "/clusters/c1") {
				return &http.Response{StatusCode: http.StatusInternalServerError, Body: http.NoBody, Request: request}, nil
			}
			return next.RoundTrip(request)
		})
	})
	hub.startPublisherOn(t, config)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1"), nil)
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).ShouldNot(BeNil())
	failing.Store(true)
	hub.updateCluster(t, cluster, fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"}))
	problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "keeps").Status.Problems }
	g.Eventually(problems).Should(ConsistOf(And(
		HaveField("Cluster", namespace+"/c1"),
		HaveField("Reason", v1alpha1.ProblemPublishFailed),
		HaveField("Message", ContainSubstring("looking up the Cluster")),
	)))
	g.Expect(hub.get(t, namespace, "c1")).NotTo(BeNil())

	failing.Store(false)
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
	g.Eventually(problems).Should(BeEmpty())
}

func (hub *testHub) webhookThatIsDown(t *testing.T, namespace string) client.Object {
	t.Helper()
	hook := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{
			{
				Name:                    "down.example.com",
				AdmissionReviewVersions: []string{"v1"},
				SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
				FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
				TimeoutSeconds:          ptr.To[int32](1),
				ClientConfig: admissionregistrationv1.WebhookClientConfig{
					URL:      ptr.To("https://127.0.0.1:1/"),
					CABundle: hub.CertificateAuthority(),
				},
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
				Rules: []admissionregistrationv1.RuleWithOperations{
					{
						Operations: []admissionregistrationv1.OperationType{"*"},
						Rule: admissionregistrationv1.Rule{
							APIGroups:   []string{inventoryv1alpha1.GroupVersion.Group},
							APIVersions: []string{"*"},
							Resources:   []string{"clusterprofiles", "clusterprofiles/status"},
						},
					},
				},
			},
		},
	}
	hub.create(t, hook)
	t.Cleanup(func() { _ = hub.Delete(contextOf(t), hook) })
	NewWithT(t).Eventually(func() error { return hub.tryToCreate(t, namespace) }).ShouldNot(Succeed())
	return hook
}

// One broken kubeconfig of several does not make an Inventory appear to be in progress: it is ready, and degraded.
func TestOneBadClusterKeepsTheInventoryReady(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "one-bad", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "good", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("good", "https://10.0.0.1:6443"))
	hub.createCluster(t, fixture.Cluster(namespace, "bad", fixture.Provisioned("v1.36.3")), []byte("not a kubeconfig"))
	g.Eventually(func() *metav1.Condition { return hub.degraded(t, "one-bad") }).Should(HaveField("Status", metav1.ConditionTrue))
	status := hub.readInventory(t, "one-bad").Status
	g.Expect(status.ObservedGeneration).To(BeEquivalentTo(1))
	for kind, want := range map[string]metav1.ConditionStatus{
		v1alpha1.ConditionAccepted: metav1.ConditionTrue, v1alpha1.ConditionReady: metav1.ConditionTrue,
		v1alpha1.ConditionDegraded: metav1.ConditionTrue,
	} {
		g.Expect(meta.FindStatusCondition(status.Conditions, kind)).To(HaveField("Status", want), kind)
	}
	g.Expect(meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStalled)).To(BeNil())
}

// Whatever an Inventory or a tenant writes, the status can be written: no text is longer than a condition may be.
func TestLongTextsAreBounded(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	var properties []v1alpha1.PropertyExpression
	for i := range 10 {
		properties = append(
			properties,
			v1alpha1.PropertyExpression{
				Name:       fmt.Sprintf("p%d.example.com", i),
				Expression: v1alpha1.Expression(strings.Repeat("x", 4000)),
			},
		)
	}
	hub.startPublisher(t)
	hub.inventory(t, "long-fault", v1alpha1.InventorySpec{Properties: properties}, namespace)
	g.Eventually(func() *metav1.Condition { return hub.condition(t, "long-fault", v1alpha1.ConditionAccepted) }).Should(And(
		HaveField(
			"Status",
			metav1.ConditionFalse,
		),
		HaveField(
			"Message",
			And(ContainSubstring("p0.example.com"), WithTransform(func(s string) int { return len(s) }, BeNumerically("<=", 1024))),
		),
	))
}

// An Inventory that is edited without end does not silence the others.
func TestBusyInventoryDelaysNoOther(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, other := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "quiet", v1alpha1.InventorySpec{}, namespace)
	hub.inventory(t, "busy", v1alpha1.InventorySpec{}, other)
	hub.startPublisher(t)
	var last *clusterv1.Cluster
	for i := range 50 {
		name := fmt.Sprintf("c%02d", i)
		last = hub.createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3")),
			hub.kubeconfig(name, fmt.Sprintf("https://%s:6443", name)))
	}
	g.Eventually(func() int32 { return hub.readInventory(t, "quiet").Status.Published }).Should(BeEquivalentTo(50))
	editing, stop := context.WithCancel(t.Context())
	var editor sync.WaitGroup
	editor.Go(func() {
		for i := 0; editing.Err() == nil; i++ {
			patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"clusterSet":"s%d"}}`, i))
			_ = hub.Patch(editing, &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "busy"}}, patch)
		}
	})
	t.Cleanup(func() { stop(); editor.Wait() })
	g.Expect(hub.Delete(t.Context(), last)).To(Succeed())
	g.Eventually(func() int32 { return hub.readInventory(t, "quiet").Status.Clusters }).
		Should(BeEquivalentTo(49), "while the other one is edited")
}

// Several problems of one reason are one Event that names them all; what is wrong when the publisher starts was reported before.
func TestEventsNameEveryProblemOnce(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "events", v1alpha1.InventorySpec{Annotations: v1alpha1.Propagation{Include: []string{"*"}}}, namespace)
	first := hub.startPublisher(t)
	first.working(g)
	big := strings.Repeat("x", 20000)
	// The Secret comes first: that it is missing would be a problem, and an Event, of its own.
	hub.create(t, fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.1:6443")))
	bigAnnotations := fixture.Annotations(map[string]string{"a-big": big, "b-big": big})
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3"), bigAnnotations), nil)
	events := func() []eventsv1.Event {
		var list eventsv1.EventList
		g.Expect(hub.List(t.Context(), &list, client.InNamespace(namespace))).To(Succeed())
		return list.Items
	}
	both := ConsistOf(
		And(
			HaveField("Reason", v1alpha1.ProblemLabelSkipped),
			HaveField("Note", And(ContainSubstring("a-big"), ContainSubstring("b-big"))),
			HaveField("Series", BeNil()),
		),
	)
	g.Eventually(events).Should(both)
	first.stop()
	hub.startPublisher(t)
	hub.updateCluster(t, cluster, fixture.Annotations(map[string]string{v1alpha1.AnnotationDisplayName: "seen again"}))
	g.Eventually(func() string { return hub.get(t, namespace, "c1").Spec.DisplayName }).Should(Equal("seen again"))
	g.Consistently(events).Should(both)
}

// A write that fails because the publisher stops is not reported: it is not a problem of the Cluster.
func TestStoppingReportsNoProblem(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "stopping", v1alpha1.InventorySpec{}, namespace)
	writing := make(chan struct{})
	begun := sync.OnceFunc(func() { close(writing) })
	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if request.Method != http.MethodPatch || !strings.Contains(request.URL.Path, "/clusterprofiles/") {
				return next.RoundTrip(request)
			}
			begun()
			<-request.Context().Done()
			return nil, request.Context().Err()
		})
	})
	running := hub.startPublisherOn(t, config)
	running.working(g)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1"), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	<-writing
	running.stop()
	g.Consistently(func() []string { return hub.eventsOn(t, cluster) }).ShouldNot(ContainElement(v1alpha1.ProblemPublishFailed))
}

// The figures of the metrics are those of the hub.
func TestMetrics(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "measured", v1alpha1.InventorySpec{}, namespace)
	running := hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "good", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("good", "https://10.0.0.1:6443"))
	hub.createCluster(t, fixture.Cluster(namespace, "waits"), hub.kubeconfig("waits", "https://10.0.0.2:6443"))
	hub.createCluster(t, fixture.Cluster(namespace, "bad", fixture.Provisioned("v1.36.3")), []byte("not a kubeconfig"))
	g.Eventually(func() float64 {
		return metric(t, running, "capi_inventory_profiles", map[string]string{"inventory": "measured", "healthy": "True"})
	}).Should(BeEquivalentTo(2))
	g.Expect(metric(t, running, "capi_inventory_profiles", map[string]string{"inventory": "measured", "healthy": "Unknown"})).
		To(BeEquivalentTo(1))
	g.Eventually(func() float64 {
		return metric(t, running, "capi_inventory_problems", map[string]string{"inventory": "measured", "reason": "KubeconfigMalformed"})
	}).Should(BeEquivalentTo(1))
	g.Expect(metric(t, running, "capi_inventory_publish_seconds", nil)).To(BeNumerically(">=", 3), "every publication is measured")
	g.Expect(metric(t, running, "capi_inventory_writes_total", map[string]string{"kind": "profile", "result": "success"})).
		To(BeNumerically(">=", 3))

	g.Expect(hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "measured"}})).To(Succeed())
	g.Eventually(func() float64 {
		return metric(t, running, "capi_inventory_profiles", map[string]string{"inventory": "measured"})
	}).Should(BeZero(), "of an Inventory that is gone there are none")
}

// A name for which there was an event while there was no Cluster has not waited since then when a Cluster gets it.
func TestLatencyBeginsWithTheCluster(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "latency", v1alpha1.InventorySpec{}, namespace)
	hub.create(t, fixture.KubeconfigSecret(namespace, "later", hub.kubeconfig("later", "https://10.0.0.1:6443")))
	clock := clocktesting.NewFakeClock(time.Now())
	running := hub.startPublisher(t, withClock(clock))
	for published, name := range []string{"marker", "later"} {
		hub.create(t, fixture.Cluster(namespace, name))
		g.Eventually(func() float64 { return metric(t, running, "capi_inventory_publish_seconds", nil) }).
			Should(BeNumerically(">", published))
		clock.Step(time.Hour)
	}
	families, err := running.metrics.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() == "capi_inventory_publish_seconds" {
			g.Expect(family.GetMetric()[0].GetHistogram().GetSampleSum()).To(BeNumerically("<", time.Hour.Seconds()))
		}
	}
}

// metric sums up a metric over all series with these labels; of a histogram, the observations.
func metric(t *testing.T, of *process, name string, labels map[string]string) (sum float64) {
	t.Helper()
	families, err := of.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, series := range family.GetMetric() {
			if family.GetName() == name && hasLabels(series, labels) {
				sum += series.GetGauge().GetValue() + series.GetCounter().GetValue() + float64(series.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func hasLabels(series *dto.Metric, labels map[string]string) bool {
	found := 0
	for _, label := range series.GetLabel() {
		if value, wanted := labels[label.GetName()]; wanted && value == label.GetValue() {
			found++
		}
	}
	return found == len(labels)
}

func (hub *testHub) condition(t *testing.T, inventory, kind string) *metav1.Condition {
	t.Helper()
	return meta.FindStatusCondition(hub.readInventory(t, inventory).Status.Conditions, kind)
}
