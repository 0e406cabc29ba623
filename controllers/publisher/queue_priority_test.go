// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// A changed endpoint is published before the rest of a pass over all Clusters.
func TestChangedEndpointOvertakesAPass(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	const clusters = 20
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "pass", v1alpha1.InventorySpec{}, namespace)
	for i := range clusters {
		name := fmt.Sprintf("c%d", i)
		raw := hub.kubeconfig(name, fmt.Sprintf("https://10.0.0.%d:6443", i+1))
		hub.createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3")), raw)
	}
	queue, writes := newNotedQueue(), &heldWrites{}
	t.Cleanup(writes.release)
	noted := func(own *publisher.Options, _ *ctrl.Options) { own.NewQueue = queue.start }
	hub.startPublisherOn(t, writes.config(hub), concurrency(1), noted)
	g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, "pass").Status }).
		Should(And(HaveField("Published", BeEquivalentTo(clusters)), HaveField("Problems", BeEmpty())))
	g.Eventually(queue.Len).Should(BeZero())

	queue.forget()
	writes.hold()
	hub.patchInventory(t, "pass", `{"spec":{"properties":[{"name":"team.example.com","expression":"'blue'"}]}}`)
	g.Eventually(writes.order).Should(HaveLen(1))
	g.Eventually(func() []string { return queue.added(namespace, handler.LowPriority) }).Should(HaveLen(clusters), "a pass over all")
	changed := "c0"
	if writes.order()[0] == changed {
		changed = "c1"
	}
	rotated := fixture.KubeconfigSecret(namespace, changed, hub.kubeconfig(changed, "https://10.0.1.1:6443"))
	g.Expect(hub.Update(t.Context(), rotated)).To(Succeed())
	g.Eventually(func() []string { return queue.added(namespace, 0) }).Should(ContainElement(changed))
	writes.release()
	g.Eventually(writes.order).Should(HaveLen(clusters))
	g.Expect(writes.order()[1]).To(Equal(changed))
	g.Expect(server(hub.get(t, namespace, changed))).To(Equal("https://10.0.1.1:6443"))
}

// notedQueue is a priority queue that notes what was added with which priority.
type notedQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]

	mu    sync.Mutex
	notes map[int][]reconcile.Request
}

func newNotedQueue() *notedQueue {
	return &notedQueue{PriorityQueue: priorityqueue.New[reconcile.Request]("noted"), notes: map[int][]reconcile.Request{}}
}

// start returns the queue to the controller of Clusters, and to others one of their own.
func (q *notedQueue) start(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) publisher.Queue {
	if name == "publisher" {
		return q
	}
	return priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter })
}

func (q *notedQueue) Add(request reconcile.Request) { q.AddWithOpts(priorityqueue.AddOpts{}, request) }

func (q *notedQueue) AddWithOpts(options priorityqueue.AddOpts, requests ...reconcile.Request) {
	q.PriorityQueue.AddWithOpts(options, requests...)
	q.mu.Lock()
	defer q.mu.Unlock()
	priority := ptr.Deref(options.Priority, 0)
	q.notes[priority] = append(q.notes[priority], requests...)
}

func (q *notedQueue) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.notes)
}

// added are the Clusters of a namespace that were added with a priority, each once.
func (q *notedQueue) added(namespace string, priority int) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var names []string
	for _, request := range q.notes[priority] {
		if request.Namespace == namespace && !slices.Contains(names, request.Name) {
			names = append(names, request.Name)
		}
	}
	return names
}

// heldWrites holds up writes of profiles, and notes in which order the profiles are written.
type heldWrites struct {
	mu    sync.Mutex
	gate  chan struct{}
	names []string
}

func (h *heldWrites) config(hub *testHub) *rest.Config {
	config := hub.Config()
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			_, path, ofProfile := strings.Cut(request.URL.Path, "/clusterprofiles/")
			if ofProfile && request.Method == http.MethodPatch {
				select {
				case <-h.arrive(strings.TrimSuffix(path, "/status")):
				case <-request.Context().Done():
					return nil, request.Context().Err()
				}
			}
			return next.RoundTrip(request)
		})
	})
	return config
}

// open is a gate that holds up nothing.
var open = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// arrive notes a write, and returns what it has to wait for.
func (h *heldWrites) arrive(name string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.names, name) {
		h.names = append(h.names, name)
	}
	if h.gate == nil {
		return open
	}
	return h.gate
}

// hold holds up every write from now on, and forgets those before.
func (h *heldWrites) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate, h.names = make(chan struct{}), nil
}

func (h *heldWrites) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gate != nil {
		close(h.gate)
		h.gate = nil
	}
}

func (h *heldWrites) order() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.names)
}
