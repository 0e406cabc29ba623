// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Queue is the queue of a controller.
type Queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// lowPriorityQueue adds Clusters with the priority that controller-runtime gives to initial lists and resyncs: a Cluster whose
// kubeconfig has changed does not wait until all others have been reconciled.
type lowPriorityQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
}

// Add implements workqueue.TypedInterface.
func (q lowPriorityQueue) Add(request reconcile.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}, request)
}

// withLowPriority returns the queue for many Clusters, reconciled because of something that they share.
func withLowPriority(queue Queue) Queue {
	if priorities, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		return lowPriorityQueue{priorities}
	}
	return queue
}

// lowPriority returns a handler that enqueues with low priority, for objects whose name alone says which Clusters they concern. Of an
// update only the new object is mapped: the old one concerns the same Clusters, mostly all of them, and would list them once more.
func lowPriority(enqueue handler.EventHandler) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, to Queue) {
			enqueue.Create(ctx, e, withLowPriority(to))
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, to Queue) {
			enqueue.Generic(ctx, event.GenericEvent{Object: e.ObjectNew}, withLowPriority(to))
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, to Queue) {
			enqueue.Delete(ctx, e, withLowPriority(to))
		},
	}
}
