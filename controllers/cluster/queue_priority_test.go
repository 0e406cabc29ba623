// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// addedQueue notes what is added with low priority, and what with another.
type addedQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	low, other []string
}

func (q *addedQueue) AddWithOpts(options priorityqueue.AddOpts, requests ...reconcile.Request) {
	for _, request := range requests {
		if options.Priority != nil && *options.Priority == handler.LowPriority {
			q.low = append(q.low, request.Name)
		} else {
			q.other = append(q.other, request.Name)
		}
	}
}

func (q *addedQueue) Add(request reconcile.Request) { q.other = append(q.other, request.Name) }

// An event of what all Clusters share lists them once, and enqueues each once, with low priority.
func TestSharedObjectsAreMappedOnce(t *testing.T) {
	inventory := func(version string) *v1alpha1.Inventory {
		i := &v1alpha1.Inventory{}
		i.Name, i.ResourceVersion = "default", version
		return i
	}
	for name, tc := range map[string]struct {
		why  string
		send func(handler.EventHandler, Queue)
	}{
		"Create": {why: "it is new", send: func(h handler.EventHandler, to Queue) {
			h.Create(t.Context(), event.CreateEvent{Object: inventory("1")}, to)
		}},
		"InitialList": {why: "it existed", send: func(h handler.EventHandler, to Queue) {
			h.Create(t.Context(), event.CreateEvent{Object: inventory("1"), IsInInitialList: true}, to)
		}},
		"Update": {why: "the old object concerns the same Clusters", send: func(h handler.EventHandler, to Queue) {
			h.Update(t.Context(), event.UpdateEvent{ObjectOld: inventory("1"), ObjectNew: inventory("2")}, to)
		}},
		"Resync": {why: "nothing has changed", send: func(h handler.EventHandler, to Queue) {
			h.Update(t.Context(), event.UpdateEvent{ObjectOld: inventory("1"), ObjectNew: inventory("1")}, to)
		}},
		"Delete": {why: "it is gone", send: func(h handler.EventHandler, to Queue) {
			h.Delete(t.Context(), event.DeleteEvent{Object: inventory("1")}, to)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			mapped, r := 0, newEmptyReconciler(t, nil)
			enqueue := lowPriority(r.enqueue(func(_ context.Context, object client.Object) []types.NamespacedName {
				mapped++
				if object.GetName() != "default" {
					t.Errorf("got the object %q", object.GetName())
				}
				return []types.NamespacedName{{Name: "c1"}, {Name: "c2"}, {Name: "c1"}}
			}))
			to := &addedQueue{}
			tc.send(enqueue, to)
			if mapped != 1 {
				t.Errorf("%s: it is mapped %d times", tc.why, mapped)
			}
			if diff := cmp.Diff([]string{"c1", "c2"}, to.low); diff != "" || len(to.other) > 0 {
				t.Errorf("%s: with low priority -want +got:\n%s\nwith another: %v", tc.why, diff, to.other)
			}
		})
	}
}
