// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// foreign is a profile of another manager, with everything that might tempt a careless publisher.
func foreign(namespace, name string) *inventoryv1alpha1.ClusterProfile {
	return &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
			inventoryv1alpha1.LabelClusterManagerKey: "cluster-api",
			v1alpha1.LabelClusterNamespace:           namespace,
			v1alpha1.LabelClusterName:                name,
		}},
		Spec: inventoryv1alpha1.ClusterProfileSpec{ClusterManager: inventoryv1alpha1.ClusterManager{Name: "open-cluster-management"}},
	}
}

// Failure class 1 of other producers: ownership by label or by name.
func TestForeignProfileIsNeverTouched(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	theirs := foreign(namespace, "c1")
	hub.create(t, theirs)
	hub.inventory(t, "foreign", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t).working(g)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "foreign").Status.Problems }).
		Should(ConsistOf(And(HaveField("Reason", v1alpha1.ProblemForeignProfile), HaveField("Message",
			ContainSubstring(`"open-cluster-management"`)))))
	g.Eventually(func() []string { return hub.eventsOn(t, cluster) }).
		Should(ConsistOf(v1alpha1.ProblemForeignProfile), "one Event, on the Cluster")
	g.Expect(hub.get(t, namespace, "c1")).To(HaveField("ResourceVersion", theirs.ResourceVersion))

	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	g.Eventually(func() int32 { return hub.readInventory(t, "foreign").Status.Clusters }).Should(BeZero())
	g.Expect(hub.get(t, namespace, "c1")).
		To(HaveField("ResourceVersion", theirs.ResourceVersion), "nor is it deleted with a Cluster of its name")

	t.Run("and its name is taken when it is deleted", func(t *testing.T) {
		g := NewWithT(t)
		hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.freshKubeconfig(t, namespace, "c1"))
		g.Eventually(func() int32 { return hub.readInventory(t, "foreign").Status.Clusters }).Should(BeEquivalentTo(1))
		g.Expect(hub.Delete(t.Context(), theirs)).To(Succeed())
		g.Expect(hub.published(t, g, namespace, "c1").Spec.ClusterManager.Name).To(Equal("cluster-api"))
	})
}

// freshKubeconfig reuses a kubeconfig Secret that an earlier Cluster of the same name has left.
func (hub *testHub) freshKubeconfig(t *testing.T, namespace, name string) []byte {
	t.Helper()
	if err := hub.Delete(t.Context(), fixture.KubeconfigSecret(namespace, name, nil)); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return hub.kubeconfig(name, "https://10.0.0.1:6443")
}

// Failure class 4: lists replaced whole.
func TestOthersKeepWhatTheyWrote(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "others", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	hub.changeProfile(t, namespace, "c1", hub.Update, func(profile *inventoryv1alpha1.ClusterProfile) {
		profile.Labels["consumer.example.com/seen"] = "true"
		profile.Finalizers = []string{"consumer.example.com/clean-up"}
		profile.Spec.DisplayName = "Chosen by a person"
	})
	t.Cleanup(func() { hub.dropFinalizers(t, namespace, "c1") })
	updateStatus := func(ctx context.Context, profile client.Object, _ ...client.UpdateOption) error {
		return hub.Status().Update(ctx, profile, client.FieldOwner("person"))
	}
	hub.changeProfile(t, namespace, "c1", updateStatus, func(profile *inventoryv1alpha1.ClusterProfile) {
		profile.Status.Conditions = append(
			profile.Status.Conditions,
			metav1.Condition{Type: "Scanned", Status: metav1.ConditionTrue, Reason: "Scanned", LastTransitionTime: fixture.Since},
		)
		profile.Status.Properties = append(profile.Status.Properties, inventoryv1alpha1.Property{Name: "scanner.example.com", Value: "1"})
		profile.Status.AccessProviders = append(profile.Status.AccessProviders, inventoryv1alpha1.AccessProvider{Name: "oidc"})
		profile.Status.AccessProviders[1].Cluster.Server = "https://oidc.example.com:443"
	})

	hub.updateCluster(t, cluster, fixture.Versions("v1.37.0"))
	g.Eventually(func() string { return hub.get(t, namespace, "c1").Status.Version.Kubernetes }).Should(Equal("v1.37.0"))
	profile := hub.get(t, namespace, "c1")
	g.Expect(profile.Labels).To(HaveKeyWithValue("consumer.example.com/seen", "true"))
	g.Expect(profile.Finalizers).To(ConsistOf("consumer.example.com/clean-up"))
	g.Expect(profile.Spec.DisplayName).To(Equal("Chosen by a person"))
	g.Expect(meta.IsStatusConditionTrue(profile.Status.Conditions, "Scanned")).To(BeTrue())
	g.Expect(profile.Status.Properties).To(ContainElement(HaveField("Name", "scanner.example.com")))
	g.Expect(profile.Status.AccessProviders).To(HaveLen(2))

	t.Run("and our own comes back when another writer takes it", func(t *testing.T) {
		g := NewWithT(t)
		hub.changeProfile(t, namespace, "c1", hub.Update, func(profile *inventoryv1alpha1.ClusterProfile) { clear(profile.Labels) })
		g.Eventually(func() map[string]string { return hub.get(t, namespace, "c1").Labels }).Should(And(
			HaveKeyWithValue("x-k8s.io/cluster-manager", "cluster-api"), HaveKeyWithValue(v1alpha1.LabelClusterName, "c1"),
			HaveKeyWithValue(v1alpha1.LabelInventoryMemberID, string(cluster.UID))))
	})
}

func TestLabelsFollowTheCluster(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(
		t,
		"labels",
		v1alpha1.InventorySpec{
			Labels:      v1alpha1.Propagation{Include: []string{"env"}},
			Annotations: v1alpha1.Propagation{Include: []string{"owner"}},
		},
		namespace,
	)
	hub.startPublisher(t)
	cluster := hub.createCluster(
		t,
		fixture.Cluster(
			namespace,
			"c1",
			fixture.Provisioned("v1.36.3"),
			fixture.Labels(map[string]string{"env": "prod"}),
			fixture.Annotations(map[string]string{"owner": "alice"}),
		),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"),
	)
	hub.published(t, g, namespace, "c1")
	g.Expect(hub.get(t, namespace, "c1")).
		To(And(HaveField("Labels", HaveKeyWithValue("env", "prod")), HaveField("Annotations", HaveKeyWithValue("owner", "alice"))))
	hub.updateCluster(t, cluster, func(c *clusterv1.Cluster) { delete(c.Labels, "env"); delete(c.Annotations, "owner") })
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(And(
		HaveField(
			"Labels",
			Not(HaveKey("env")),
		),
		HaveField("Annotations", Not(HaveKey("owner"))),
	), "what the Cluster loses, the profile loses")
}

func TestDeletedProfileComesBack(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "returns", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.published(t, g, namespace, "c1")
	g.Expect(hub.Delete(t.Context(), before)).To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(And(Not(BeNil()), HaveField("UID", Not(Equal(before.UID)))))
}

func TestConsumersFinalizersAreWaitedFor(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "finalizers", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t, withClock(clock))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	profile := hub.published(t, g, namespace, "c1")
	hub.changeProfile(t, namespace, "c1", hub.Update, func(profile *inventoryv1alpha1.ClusterProfile) {
		profile.Finalizers = []string{"clusterinventory.projectsveltos.io/finalizer"}
	})
	t.Cleanup(func() { hub.dropFinalizers(t, namespace, "c1") })

	g.Expect(hub.Delete(t.Context(), profile)).To(Succeed())
	terminating := hub.get(t, namespace, "c1")
	g.Expect(terminating.DeletionTimestamp).NotTo(BeNil())
	g.Consistently(func() string { return hub.get(t, namespace, "c1").ResourceVersion }).
		Should(Equal(terminating.ResourceVersion), "nothing is written while it terminates")
	g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, "finalizers").Status }).Should(And(
		HaveField("Published", BeZero()), HaveField("Problems", BeEmpty()),
		HaveField("Conditions", ContainElement(And(HaveField("Type", "Ready"), HaveField("Reason", "Publishing"))))))

	g.Eventually(func() []v1alpha1.InventoryProblem {
		clock.Step(afterStuck)
		return hub.readInventory(t, "finalizers").Status.Problems
	}).Should(ConsistOf(And(HaveField("Reason", v1alpha1.ProblemDeletionStuck), HaveField("Message",
		ContainSubstring("clusterinventory.projectsveltos.io/finalizer")))))

	hub.dropFinalizers(t, namespace, "c1")
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).
		Should(And(Not(BeNil()), HaveField("UID", Not(Equal(profile.UID)))), "it is created again when it is gone")
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "finalizers").Status.Problems }).Should(BeEmpty())
}

// afterStuck is a little more than the time after which a stuck deletion is reported.
const afterStuck = 5*time.Minute + 5*time.Second

func TestRecreatedClusterIsAnotherMember(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "members", v1alpha1.InventorySpec{}, namespace)
	first := hub.startPublisher(t)
	old := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	before := hub.published(t, g, namespace, "c1")
	first.stop()
	g.Expect(hub.Delete(t.Context(), old)).To(Succeed())
	successor := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), nil)
	hub.startPublisher(t)
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(And(
		Not(
			BeNil(),
		),
		HaveField("UID", Not(Equal(before.UID))),
		HaveField("Labels", HaveKeyWithValue(v1alpha1.LabelInventoryMemberID, string(successor.UID))),
	))
}

func TestSameNameInTwoNamespaces(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	a, b, shared := hub.newNamespace(t, nil), hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "shared", v1alpha1.InventorySpec{Namespace: shared}, a, b)
	hub.inventory(t, "by-name", v1alpha1.InventorySpec{Namespace: hub.newNamespace(t, nil), ProfileName: v1alpha1.ProfileNamingName}, a, b)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(a, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	g.Eventually(func() int32 { return hub.readInventory(t, "by-name").Status.Published }).Should(BeEquivalentTo(1))
	hub.createCluster(t, fixture.Cluster(b, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.2:6443"))
	g.Expect(server(hub.published(t, g, shared, a+"--c1"))).To(Equal("https://10.0.0.1:6443"))
	g.Expect(server(hub.published(t, g, shared, b+"--c1"))).To(Equal("https://10.0.0.2:6443"))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "by-name").Status.Problems }).
		Should(ConsistOf(And(HaveField("Cluster", b+"/c1"), HaveField("Reason", v1alpha1.ProblemForeignProfile), HaveField("Message",
			ContainSubstring(a+"/c1")))),
			"the first Cluster keeps the name; the other one gets a problem")
}

func TestWatchFilter(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "filter", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t, watching("mine"))
	hub.createCluster(t, fixture.Cluster(namespace, "theirs", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("theirs", "https://10.0.0.2:6443"))
	cluster := hub.createCluster(
		t,
		fixture.Cluster(namespace, "mine", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{clusterv1.WatchLabel: "mine"})),
		hub.kubeconfig("mine", "https://10.0.0.1:6443"),
	)
	before := hub.published(t, g, namespace, "mine")
	g.Expect(hub.get(t, namespace, "theirs")).To(BeNil())

	hub.updateCluster(t, cluster, func(c *clusterv1.Cluster) { delete(c.Labels, clusterv1.WatchLabel) })
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "filter").Status.Problems }).
		Should(ConsistOf(And(HaveField("Cluster", namespace+"/mine"), HaveField("Reason", v1alpha1.ProblemNotWatched))))
	g.Expect(hub.get(t, namespace, "mine")).To(HaveField("UID", before.UID), "another publisher may take it over: it is left alone")
	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "mine") }).Should(BeNil(), "it is deleted with its Cluster all the same")
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "filter").Status.Problems }).Should(BeEmpty())
}

func watching(filter string) processOption {
	return func(own *publisher.Options, _ *ctrl.Options) { own.WatchFilter = filter }
}

// Failure class 7: health that is not health; and class 3, for health: not event driven.
func TestHealthFollowsTheCluster(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "health", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1"), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	g.Expect(healthy(hub.get(t, namespace, "c1"))).To(HaveField("Reason", "NotReported"), "a Secret that parses proves nothing")
	for _, step := range []struct {
		change fixture.ClusterOption
		status metav1.ConditionStatus
		reason string
	}{
		{fixture.Provisioned("v1.36.3"), metav1.ConditionTrue, "ProbeSucceeded"},
		{fixture.Condition(clusterv1.ClusterRemoteConnectionProbeCondition, metav1.ConditionFalse), metav1.ConditionUnknown, "ProbeFailed"},
		{fixture.Condition(clusterv1.ClusterRemoteConnectionProbeCondition, metav1.ConditionTrue), metav1.ConditionTrue, "ProbeSucceeded"},
		{
			fixture.Condition(clusterv1.ClusterControlPlaneAvailableCondition, metav1.ConditionFalse),
			metav1.ConditionFalse,
			"ControlPlaneUnavailable",
		},
		{fixture.Paused, metav1.ConditionUnknown, "Paused"},
	} {
		hub.updateCluster(t, cluster, step.change)
		g.Eventually(func() *metav1.Condition { return healthy(hub.get(t, namespace, "c1")) }).
			Should(And(HaveField("Status", step.status), HaveField("Reason", step.reason)))
	}
	g.Expect(server(hub.get(t, namespace, "c1"))).NotTo(BeEmpty(), "problems are in conditions; the access stays")
}

func healthy(profile *inventoryv1alpha1.ClusterProfile) *metav1.Condition {
	if profile == nil {
		return &metav1.Condition{}
	}
	if found := meta.FindStatusCondition(profile.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy); found != nil {
		return found
	}
	return &metav1.Condition{}
}

func withClock(clock *clocktesting.FakeClock) processOption {
	return func(own *publisher.Options, _ *ctrl.Options) {
		own.Clock = clock
		own.NewQueue = func(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) publisher.Queue {
			config := workqueue.TypedRateLimitingQueueConfig[reconcile.Request]{Name: name, Clock: clock}
			return workqueue.NewTypedRateLimitingQueueWithConfig(limiter, config)
		}
	}
}

// changeProfile changes a profile as another program or a person would, whatever the publisher does meanwhile.
func (hub *testHub) changeProfile(
	t *testing.T,
	namespace, name string,
	update func(context.Context, client.Object, ...client.UpdateOption) error,
	change func(*inventoryv1alpha1.ClusterProfile),
) {
	t.Helper()
	if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		profile := hub.get(t, namespace, name)
		change(profile)
		return update(t.Context(), profile, client.FieldOwner("person"))
	}); err != nil {
		t.Fatal(err)
	}
}

func (hub *testHub) dropFinalizers(t *testing.T, namespace, name string) {
	t.Helper()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := client.IgnoreNotFound(hub.Patch(contextOf(t), profile, patch)); err != nil {
		t.Error(err)
	}
}
