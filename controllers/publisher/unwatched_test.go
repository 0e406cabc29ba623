// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// The Cluster of an unwatched profile is looked up once a minute at most, however often the profile changes; and the profile is deleted
// with it all the same.
func TestUnwatchedClustersAreLookedUpSeldom(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, elsewhere := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "seldom", v1alpha1.InventorySpec{}, namespace, elsewhere)
	first := hub.startPublisher(t)
	cluster := hub.createCluster(
		t,
		fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"),
	)
	hub.published(t, g, namespace, "c1")
	first.stop()

	var lookedUp atomic.Int64
	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if strings.HasSuffix(request.URL.Path, "/namespaces/"+namespace+"/clusters/c1") {
				lookedUp.Add(1)
			}
			return next.RoundTrip(request)
		})
	})
	clock := clocktesting.NewFakeClock(time.Now())
	running := hub.startPublisherOn(t, config, withClock(clock), inNamespaces(elsewhere))
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "seldom").Status.Problems }).
		Should(ConsistOf(HaveField("Reason", v1alpha1.ProblemNotWatched)))
	touch := func(value string) {
		hub.changeProfile(t, namespace, "c1", hub.Update, func(p *inventoryv1alpha1.ClusterProfile) {
			p.Annotations = map[string]string{"touched.example.com/by": value}
		})
		g.Eventually(func() string {
			cached := &inventoryv1alpha1.ClusterProfile{}
			g.Expect(running.manager.GetClient().Get(t.Context(), keyOf(cluster), cached)).To(Succeed())
			return cached.Annotations["touched.example.com/by"]
		}).Should(Equal(value))
	}
	for i := range 5 {
		touch(fmt.Sprint(i))
	}
	g.Consistently(lookedUp.Load).Should(BeEquivalentTo(1))

	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	touch("deleted")
	g.Eventually(func() any {
		clock.Step(time.Minute)
		return hub.get(t, namespace, "c1")
	}).Should(BeNil())
}
