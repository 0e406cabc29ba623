// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

const staleAfter = 2 * time.Minute

func withStaleAfter(own *publisher.Options, _ *ctrl.Options) { own.StaleAfter = staleAfter }

// clusterAPILease makes the Lease of Cluster API's core controllers.
func clusterAPILease(t *testing.T, namespace string) *coordinationv1.Lease {
	t.Helper()
	made := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "controller-leader-election-capi"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To("capi-controller-manager-0"), RenewTime: ptr.To(metav1.NowMicro())},
	}
	create(t, made)
	t.Cleanup(func() { _ = k8s.Delete(contextOf(t), made) })
	return made
}

// passing lets the publisher look at the Leases once more, after each has been renewed, and returns the health of c1.
func passing(t *testing.T, clock *clocktesting.FakeClock, namespace string, renewed ...*coordinationv1.Lease) func() *metav1.Condition {
	return func() *metav1.Condition {
		if clock.HasWaiters() {
			for _, of := range renewed {
				renew(t, of)
			}
			clock.Step(20 * time.Second)
		}
		return healthy(get(t, namespace, "c1"))
	}
}

func health(status metav1.ConditionStatus, reason string) gomegatypes.GomegaMatcher {
	return And(HaveField("Status", status), HaveField("Reason", reason))
}

// Conditions that nobody updates any more prove nothing.
func TestHealthIsUnknownWhileClusterAPIIsDown(t *testing.T) {
	g := NewWithT(t)
	namespace, elsewhere := newNamespace(t, nil), newNamespace(t, nil)
	inventory(t, "stale", v1alpha1.InventorySpec{}, namespace)
	clock := clocktesting.NewFakeClock(time.Now())
	one, other := clusterAPILease(t, namespace), clusterAPILease(t, elsewhere)
	first := startPublisher(t, withClock(clock), withStaleAfter)
	cluster := createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), kubeconfig("c1", "https://10.0.0.1:6443"))
	published(t, g, namespace, "c1")
	before := cluster.ResourceVersion

	runs, isDown := health(metav1.ConditionTrue, "ProbeSucceeded"), health(metav1.ConditionUnknown, v1alpha1.ReasonClusterAPIDown)
	g.Eventually(passing(t, clock, namespace, other)).Should(runs)
	g.Consistently(passing(t, clock, namespace, other)).Should(runs, "one of two installations is up")
	g.Eventually(passing(t, clock, namespace)).Should(isDown)
	g.Expect(server(get(t, namespace, "c1"))).NotTo(BeEmpty(), "the access stays")
	g.Eventually(passing(t, clock, namespace, one)).Should(runs, "Cluster API is back, and its word counts again")
	g.Eventually(passing(t, clock, namespace)).Should(isDown)

	first.stop()
	version := get(t, namespace, "c1").ResourceVersion
	second := startPublisher(t, withClock(clock), withStaleAfter)
	second.working(g)
	g.Consistently(func() string { return get(t, namespace, "c1").ResourceVersion }).Should(Equal(version), "a publisher that was restarted has not seen Cluster API run either")
	g.Eventually(passing(t, clock, namespace, other)).Should(runs)

	g.Expect(k8s.Get(t.Context(), keyOf(cluster), cluster)).To(Succeed())
	g.Expect(cluster.ResourceVersion).To(Equal(before), "nobody has touched the Cluster")
}

// Without a Lease there is no telling whether Cluster API runs, and its word counts.
func TestHealthWithoutALeaseOfClusterAPI(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t, nil)
	inventory(t, "leaseless", v1alpha1.InventorySpec{}, namespace)
	clock := clocktesting.NewFakeClock(time.Now())
	startPublisher(t, withClock(clock), withStaleAfter)
	createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), kubeconfig("c1", "https://10.0.0.1:6443"))
	published(t, g, namespace, "c1")
	runs := health(metav1.ConditionTrue, "ProbeSucceeded")
	g.Eventually(passing(t, clock, namespace)).Should(runs)
	g.Consistently(passing(t, clock, namespace)).Should(runs)

	abandoned := clusterAPILease(t, namespace)
	g.Eventually(passing(t, clock, namespace)).Should(health(metav1.ConditionUnknown, v1alpha1.ReasonClusterAPIDown), "there is one now, and nobody renews it")
	g.Expect(k8s.Delete(t.Context(), abandoned)).To(Succeed())
	g.Eventually(passing(t, clock, namespace)).Should(runs, "leader election was turned off and the Lease removed")
}
