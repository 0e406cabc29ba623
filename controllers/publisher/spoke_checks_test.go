// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// trusts is an Inventory for which SpokeChecks count.
var trusts = v1alpha1.InventorySpec{SpokeCheckPolicy: v1alpha1.SpokeCheckPolicyTrust}

// heartbeatOfChecks is so long that a SpokeCheck is fresh for a day: a test steps its clock faster than the publisher works.
const heartbeatOfChecks = 8 * time.Hour

// consumer plays the consumer's part for one profile.
type consumer struct {
	hub   *testHub
	clock *clocktesting.FakeClock
	check *v1alpha1.SpokeCheck
}

// checkOf creates the SpokeCheck of a profile, which says nothing yet.
func (hub *testHub) checkOf(t *testing.T, clock *clocktesting.FakeClock, profile *inventoryv1alpha1.ClusterProfile) *consumer {
	t.Helper()
	check := &v1alpha1.SpokeCheck{ObjectMeta: metav1.ObjectMeta{
		Namespace: profile.Namespace, Name: profile.Name,
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: inventoryv1alpha1.GroupVersion.String(), Kind: "ClusterProfile", Name: profile.Name, UID: profile.UID,
		}},
	}}
	hub.create(t, check)
	check.Status.Server, check.Status.HeartbeatSeconds = server(profile), int32(heartbeatOfChecks.Seconds())
	check.Status.KubernetesVersion = "v1.35.1"
	return &consumer{hub: hub, clock: clock, check: check}
}

// reports writes the result of a probe that was made now, and since when it is the same.
func (c *consumer) reports(t *testing.T, status metav1.ConditionStatus, reason string, since time.Duration) {
	t.Helper()
	c.check.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReachable, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(c.clock.Now().Add(-since)),
	}}
	c.repeats(t)
}

// repeats writes the same with another time: a heartbeat.
func (c *consumer) repeats(t *testing.T) {
	t.Helper()
	c.check.Status.LastProbeTime = &metav1.Time{Time: c.clock.Now()}
	if err := c.hub.Status().Update(t.Context(), c.check); err != nil {
		t.Fatal(err)
	}
}

// healthOver returns the health of a Cluster while time passes.
func (hub *testHub) healthOver(t *testing.T, clock *clocktesting.FakeClock, namespace, name string) func() *metav1.Condition {
	t.Helper()
	return func() *metav1.Condition {
		clock.Step(time.Second)
		return healthy(hub.get(t, namespace, name))
	}
}

func (hub *testHub) versionOf(t *testing.T, namespace, name string) func() string {
	t.Helper()
	return func() string { return hub.get(t, namespace, name).ResourceVersion }
}

func spokeAnswers() gomegatypes.GomegaMatcher {
	return health(metav1.ConditionTrue, v1alpha1.ReasonSpokeAnswers)
}

func spokeSilent() gomegatypes.GomegaMatcher {
	return health(metav1.ConditionUnknown, v1alpha1.ReasonSpokeSilent)
}

func probeSucceeded() gomegatypes.GomegaMatcher {
	return health(metav1.ConditionTrue, v1alpha1.ReasonProbeSucceeded)
}

func clusterAPIDown() gomegatypes.GomegaMatcher {
	return health(metav1.ConditionUnknown, v1alpha1.ReasonClusterAPIDown)
}

// unversioned is a Cluster for which Cluster API reports no version.
func unversioned(cluster *clusterv1.Cluster) {
	fixture.Provisioned("")(cluster)
	cluster.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{}
	fixture.Versions()(cluster)
}

// checksSeen returns a function that waits until the publisher has seen all SpokeChecks as they are: a last one comes after them.
func (hub *testHub) checksSeen(t *testing.T, g *WithT, clock *clocktesting.FakeClock, namespace string) func() {
	t.Helper()
	hub.createCluster(t, fixture.Cluster(namespace, "last", unversioned), hub.kubeconfig("last", "https://10.0.0.9:6443"))
	last := hub.checkOf(t, clock, hub.published(t, g, namespace, "last"))
	seen := 0
	return func() {
		t.Helper()
		seen++
		last.check.Status.KubernetesVersion = fmt.Sprintf("v1.35.%d", seen)
		last.reports(t, metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Hour)
		g.Eventually(func() string { return hub.get(t, namespace, "last").Status.Version.Kubernetes }).
			Should(Equal(last.check.Status.KubernetesVersion))
	}
}

// While Cluster API is down, a spoke that a consumer reaches is healthy, for Inventories that trust the consumer.
func TestSpokeAnswersWhileClusterAPIIsDown(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	trusting, ignoring := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "trusts", trusts, trusting)
	hub.inventory(t, "ignores", v1alpha1.InventorySpec{SpokeCheckPolicy: v1alpha1.SpokeCheckPolicyIgnore}, ignoring)
	clock := clocktesting.NewFakeClock(time.Now())
	lease := hub.clusterAPILease(t, trusting)
	first := hub.startPublisher(t, withClock(clock), withStaleAfter)
	consumers := map[string]*consumer{}
	for _, namespace := range []string{trusting, ignoring} {
		for _, name := range []string{"c1", "unchecked"} {
			cluster := fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3"))
			hub.createCluster(t, cluster, hub.kubeconfig(name, "https://10.0.0.1:6443"))
			hub.published(t, g, namespace, name)
		}
		consumers[namespace] = hub.checkOf(t, clock, hub.get(t, namespace, "c1"))
		consumers[namespace].reports(t, metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Hour)
	}
	passing := hub.passing(t, clock, trusting)
	g.Eventually(passing).Should(spokeAnswers())
	g.Eventually(func() *metav1.Condition { return healthy(hub.get(t, trusting, "unchecked")) }).Should(clusterAPIDown())
	g.Eventually(func() *metav1.Condition { return healthy(hub.get(t, ignoring, "c1")) }).Should(clusterAPIDown())

	first.stop()
	version := hub.versionOf(t, trusting, "c1")
	before := version()
	hub.startPublisher(t, withClock(clock), withStaleAfter).working(g)
	g.Consistently(passing).Should(spokeAnswers())
	g.Expect(version()).To(Equal(before), "a publisher that was restarted has not seen Cluster API run, and has not listed SpokeChecks")

	consumers[trusting].reports(t, metav1.ConditionFalse, v1alpha1.ReasonConnectFailed, 0)
	g.Consistently(version).Should(Equal(before), "it has failed for less than a minute")
	g.Eventually(passing).Should(clusterAPIDown(), "nobody reaches it")
	consumers[trusting].reports(t, metav1.ConditionTrue, v1alpha1.ReasonReachable, 0)
	g.Eventually(passing).Should(spokeAnswers())
	g.Eventually(hub.passing(t, clock, trusting, lease)).Should(probeSucceeded(), "Cluster API is back")
}

// Cluster API says that the control plane is well, which its conditions would say forever if it were not there. So it is unknown
// once a consumer gets no answer for a minute.
func TestSilentSpokeIsUnknown(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "silent", trusts, namespace)
	clock := clocktesting.NewFakeClock(time.Now())
	publisher := hub.startPublisher(t, withClock(clock))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	profile := hub.published(t, g, namespace, "c1")
	version := hub.versionOf(t, namespace, "c1")
	over := hub.healthOver(t, clock, namespace, "c1")
	clock.Step(time.Minute)
	check := hub.checkOf(t, clock, profile)

	seen := hub.checksSeen(t, g, clock, namespace)
	for range 4 {
		check.reports(t, metav1.ConditionFalse, v1alpha1.ReasonConnectFailed, 0)
		seen()
		clock.Step(30 * time.Second)
		check.reports(t, metav1.ConditionTrue, v1alpha1.ReasonReachable, 0)
		seen()
		clock.Step(30 * time.Second)
		g.Expect(version()).To(Equal(profile.ResourceVersion), "it comes and goes")
	}

	check.reports(t, metav1.ConditionFalse, v1alpha1.ReasonConnectFailed, 0)
	g.Consistently(version).Should(Equal(profile.ResourceVersion), "one failure proves nothing")
	g.Eventually(over).Should(spokeSilent(), "it has lasted for a minute, and time alone changes the profile")
	g.Expect(server(hub.get(t, namespace, "c1"))).To(Equal("https://10.0.0.1:6443"), "the access stays")

	silent := version()
	for range 5 {
		clock.Step(heartbeatOfChecks)
		check.repeats(t)
		seen()
		g.Expect(version()).To(Equal(silent), "a heartbeat changes nothing")
	}
	publisher.stop()
	hub.startPublisher(t, withClock(clock)).working(g)
	g.Consistently(over).Should(spokeSilent())
	g.Expect(version()).To(Equal(silent), "nor is a restart")

	clock.Step(24 * time.Hour)
	g.Eventually(over).Should(probeSucceeded(), "without a consumer there is Cluster API's word")
	clock.Step(time.Minute)
	check.repeats(t)
	g.Eventually(over).Should(spokeSilent(), "the consumer is back, and has the same to say")
	check.reports(t, metav1.ConditionTrue, v1alpha1.ReasonReachable, 0)
	g.Eventually(over).Should(probeSucceeded(), "the spoke is back")

	check.reports(t, metav1.ConditionFalse, v1alpha1.ReasonConnectFailed, time.Hour)
	g.Eventually(over).Should(spokeSilent())
	g.Expect(hub.Delete(t.Context(), check.check)).To(Succeed())
	g.Eventually(over).Should(probeSucceeded(), "the check was deleted")
}

// The version that a spoke gives itself is published where nobody else reports one.
func TestVersionOfTheSpokeIsPublished(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	inventory := hub.inventory(t, "versions", trusts, namespace)
	clock := clocktesting.NewFakeClock(time.Now())
	publisher := hub.startPublisher(t, withClock(clock))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", unversioned), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	profile := hub.published(t, g, namespace, "c1")
	g.Expect(profile.Status.Version.Kubernetes).To(BeEmpty())
	shown := func() string { return hub.get(t, namespace, "c1").Status.Version.Kubernetes }

	check := hub.checkOf(t, clock, profile)
	check.reports(t, metav1.ConditionTrue, v1alpha1.ReasonReachable, 0)
	g.Eventually(shown).Should(Equal("v1.35.1"))
	check.check.Status.KubernetesVersion = "v1.36.0"
	check.repeats(t)
	g.Eventually(shown).Should(Equal("v1.36.0"), "it was upgraded")

	g.Expect(hub.Delete(t.Context(), check.check)).To(Succeed())
	clock.Step(24 * time.Hour)
	g.Consistently(shown).Should(Equal("v1.36.0"), "it does not vanish with the consumer")
	inventory.Spec.SpokeCheckPolicy = v1alpha1.SpokeCheckPolicyIgnore
	g.Eventually(func() error {
		current := &v1alpha1.Inventory{}
		if err := hub.Get(t.Context(), keyOf(inventory), current); err != nil {
			return err
		}
		current.Spec = inventory.Spec
		return hub.Update(t.Context(), current)
	}).Should(Succeed())
	g.Eventually(shown).Should(BeEmpty(), "nobody trusts the consumer any more")
	g.Eventually(publisher.logs.String).Should(ContainSubstring("No Inventory trusts SpokeChecks any more"), "they are not watched")
}

// A consumer may report on a profile before the publisher's cache shows it. The Cluster is reconciled once: nothing else is to come.
func TestCheckIsSeenBeforeItsProfile(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	spec := trusts
	spec.ClusterSelector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "hidden", Operator: metav1.LabelSelectorOpDoesNotExist}}
	hub.inventory(t, "trusts", spec, namespace)
	hidden := fixture.Labels(map[string]string{"hidden": "true"})
	hub.createCluster(t, fixture.Cluster(namespace, "c1", unversioned, hidden), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	// The publisher has the time of the system: a profile that its cache does not show is read from the API server after a while.
	clock := clocktesting.NewFakeClock(time.Now())
	held := hub.holdProfiles(t)
	hub.startPublisherOn(t, held.config())
	seen := hub.checksSeen(t, g, clock, namespace)
	seen()

	held.hold()
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "c1"}}
	g.Expect(hub.Patch(t.Context(), cluster, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":null}}`)))).To(Succeed())
	hub.checkOf(t, clock, hub.published(t, g, namespace, "c1")).reports(t, metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Hour)
	seen()
	g.Expect(hub.get(t, namespace, "c1").Status.Version.Kubernetes).To(BeEmpty())
	held.release()
	g.Eventually(func() string { return hub.get(t, namespace, "c1").Status.Version.Kubernetes }).Should(Equal("v1.35.1"))
}
