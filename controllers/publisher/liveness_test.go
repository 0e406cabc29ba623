// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"net/http"
	"strings"
	"sync/atomic"
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
func (hub *testHub) clusterAPILease(t *testing.T, namespace string) *coordinationv1.Lease {
	t.Helper()
	made := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "controller-leader-election-capi"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To("capi-controller-manager-0"), RenewTime: ptr.To(metav1.NowMicro())},
	}
	hub.create(t, made)
	t.Cleanup(func() { _ = hub.Delete(contextOf(t), made) })
	return made
}

// passing has the publisher list the Leases once more, after each has been renewed, and returns the health of c1.
func (hub *testHub) passing(
	t *testing.T,
	clock *clocktesting.FakeClock,
	namespace string,
	renewed ...*coordinationv1.Lease,
) func() *metav1.Condition {
	t.Helper()
	return func() *metav1.Condition {
		if clock.HasWaiters() {
			for _, of := range renewed {
				hub.renew(t, of)
			}
			clock.Step(20 * time.Second)
		}
		return healthy(hub.get(t, namespace, "c1"))
	}
}

func health(status metav1.ConditionStatus, reason string) gomegatypes.GomegaMatcher {
	return And(HaveField("Status", status), HaveField("Reason", reason))
}

// Conditions that are not updated any more prove nothing.
func TestHealthIsUnknownWhileClusterAPIIsDown(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, elsewhere := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "stale", v1alpha1.InventorySpec{}, namespace)
	clock := clocktesting.NewFakeClock(time.Now())
	one, other := hub.clusterAPILease(t, namespace), hub.clusterAPILease(t, elsewhere)
	first := hub.startPublisher(t, withClock(clock), withStaleAfter)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	before := cluster.ResourceVersion

	runs, isDown := health(metav1.ConditionTrue, "ProbeSucceeded"), health(metav1.ConditionUnknown, v1alpha1.ReasonClusterAPIDown)
	g.Eventually(hub.passing(t, clock, namespace, other)).Should(runs)
	g.Consistently(hub.passing(t, clock, namespace, other)).Should(runs, "one of two installations is up")
	g.Eventually(hub.passing(t, clock, namespace)).Should(isDown)
	g.Expect(server(hub.get(t, namespace, "c1"))).NotTo(BeEmpty(), "the access stays")
	g.Eventually(hub.passing(t, clock, namespace, one)).Should(runs, "Cluster API is back, and its word counts again")
	g.Eventually(hub.passing(t, clock, namespace)).Should(isDown)

	first.stop()
	version := hub.get(t, namespace, "c1").ResourceVersion
	second := hub.startPublisher(t, withClock(clock), withStaleAfter)
	second.working(g)
	g.Consistently(func() string { return hub.get(t, namespace, "c1").ResourceVersion }).
		Should(Equal(version), "a publisher that was restarted has not seen Cluster API run either")
	g.Eventually(hub.passing(t, clock, namespace, other)).Should(runs)

	g.Expect(hub.Get(t.Context(), keyOf(cluster), cluster)).To(Succeed())
	g.Expect(cluster.ResourceVersion).To(Equal(before), "no client has changed the Cluster")
}

// Without a Lease it is unknown whether Cluster API runs, and its own probes count.
func TestHealthWithoutALeaseOfClusterAPI(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "leaseless", v1alpha1.InventorySpec{}, namespace)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.startPublisher(t, withClock(clock), withStaleAfter)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	runs := health(metav1.ConditionTrue, "ProbeSucceeded")
	g.Eventually(hub.passing(t, clock, namespace)).Should(runs)
	g.Consistently(hub.passing(t, clock, namespace)).Should(runs)

	abandoned := hub.clusterAPILease(t, namespace)
	g.Eventually(hub.passing(t, clock, namespace)).
		Should(health(metav1.ConditionUnknown, v1alpha1.ReasonClusterAPIDown), "there is one now, and it is not renewed")
	g.Expect(hub.Delete(t.Context(), abandoned)).To(Succeed())
	g.Eventually(hub.passing(t, clock, namespace)).Should(runs, "leader election was turned off and the Lease removed")
}

// Where the Leases of Cluster API may not be listed, its outages are not noticed, and the conditions of Clusters count.
func TestHealthWhereLeasesAreForbidden(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "forbidden-leases", v1alpha1.InventorySpec{}, namespace)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.clusterAPILease(t, namespace)
	var forbidden atomic.Bool
	var refused atomic.Int64
	forbidden.Store(true)
	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if forbidden.Load() && strings.HasSuffix(request.URL.Path, "/leases") {
				// A user without any right.
				request = request.Clone(request.Context())
				request.Header.Set("Impersonate-User", "without-rights")
			}
			response, err := next.RoundTrip(request)
			if err == nil && response.StatusCode == http.StatusForbidden {
				refused.Add(1)
			}
			return response, err
		})
	})
	hub.startPublisherOn(t, config, withClock(clock), withStaleAfter)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	seen := hub.passing(t, clock, namespace)
	g.Eventually(func() int64 {
		g.Expect(seen()).To(health(metav1.ConditionTrue, "ProbeSucceeded"), "the Lease is not renewed, and the publisher cannot know")
		return refused.Load()
	}).Should(BeNumerically(">", 2*staleAfter/(20*time.Second)))

	forbidden.Store(false)
	g.Eventually(seen).Should(health(metav1.ConditionUnknown, v1alpha1.ReasonClusterAPIDown), "the right was granted")
}
