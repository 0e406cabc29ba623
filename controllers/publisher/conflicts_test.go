// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// racer is another writer that changes a profile before each of the publisher's requests of one method arrives.
type racer struct {
	t      *testing.T
	hub    *testHub
	method string
	key    client.ObjectKey
	active atomic.Bool
	// attempts counts the requests that it has come before.
	attempts atomic.Int64
}

// config is a connection to the hub on which the racer is always first.
func (r *racer) config() *rest.Config {
	config := r.hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if r.active.Load() && request.Method == r.method && strings.Contains(request.URL.Path, "/clusterprofiles/"+r.key.Name) {
				r.write(r.attempts.Add(1))
			}
			return next.RoundTrip(request)
		})
	})
	return config
}

func (r *racer) write(attempt int64) {
	p := &inventoryv1alpha1.ClusterProfile{}
	if err := r.hub.Get(context.Background(), r.key, p); err != nil {
		r.t.Error(err)
		return
	}
	p.Annotations = map[string]string{"racer.example.com/attempt": fmt.Sprint(attempt)}
	// Another racer may have been first: all that matters is that the publisher is not.
	if err := r.hub.Update(context.Background(), p, client.FieldOwner("racer")); err != nil && !apierrors.IsConflict(err) {
		r.t.Error(err)
	}
}

// A writer that always comes between the read and the write makes ten attempts fail at once, and then one after pauses that double;
// the problem names it and ends with the write that succeeds.
func TestConflictsInARowSlowDown(t *testing.T) {
	for method, tc := range map[string]struct {
		act   func(*testing.T, *testHub, client.Object)
		ended func(*testing.T, *testHub, string) bool
	}{
		http.MethodPatch: {
			act: func(t *testing.T, hub *testHub, cluster client.Object) {
				t.Helper()
				hub.updateCluster(t, fixture.Cluster(cluster.GetNamespace(), cluster.GetName()), fixture.Versions("v1.37.0"))
			},
			ended: func(t *testing.T, hub *testHub, namespace string) bool {
				t.Helper()
				return hub.get(t, namespace, "c1").Status.Version.Kubernetes == "v1.37.0"
			},
		},
		http.MethodDelete: {
			act: func(t *testing.T, hub *testHub, cluster client.Object) {
				t.Helper()
				optOut := fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"})
				hub.updateCluster(t, fixture.Cluster(cluster.GetNamespace(), cluster.GetName()), optOut)
			},
			ended: func(t *testing.T, hub *testHub, namespace string) bool {
				t.Helper()
				return hub.get(t, namespace, "c1") == nil
			},
		},
	} {
		t.Run(method, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			clock := clocktesting.NewFakeClock(time.Now())
			name := "conflicts-" + strings.ToLower(method)
			hub.inventory(t, name, v1alpha1.InventorySpec{}, namespace)
			other := &racer{t: t, hub: hub, method: method, key: client.ObjectKey{Namespace: namespace, Name: "c1"}}
			hub.startPublisherOn(t, other.config(), withClock(clock))
			cluster := fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3"))
			hub.createCluster(t, cluster, hub.kubeconfig("c1", "https://10.0.0.1:6443"))
			hub.published(t, g, namespace, "c1")
			problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, name).Status.Problems }
			g.Eventually(func() int32 { return hub.readInventory(t, name).Status.Published }).Should(BeEquivalentTo(1))

			other.active.Store(true)
			tc.act(t, hub, cluster)
			contested := ContainElement(And(
				HaveField("Reason", v1alpha1.ProblemContested), HaveField("Message", ContainSubstring(`"racer"`))))
			// The event of each write of the racer reconciles the Cluster again, without any time passing.
			g.Eventually(problems).Should(contested)
			tried := other.attempts.Load()
			// An attempt for a version that has lost before is not counted: the cache may be stale.
			g.Expect(tried).To(BeNumerically(">=", 10))
			g.Consistently(other.attempts.Load).Should(Equal(tried), "nothing is tried before the pause is over")
			g.Eventually(func() int64 {
				clock.Step(time.Second)
				return other.attempts.Load()
			}).Should(BeNumerically(">", tried), "it continues after a pause")
			g.Eventually(problems).Should(contested, "it is reported as long as it lasts")

			other.active.Store(false)
			g.Eventually(func() bool {
				clock.Step(lastPause)
				return tc.ended(t, hub, namespace)
			}).Should(BeTrue())
			g.Eventually(problems).Should(BeEmpty())
		})
	}
}
