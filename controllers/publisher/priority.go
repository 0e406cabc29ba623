// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

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

// passQueue adds Clusters with the priority that controller-runtime gives to initial lists and resyncs: a Cluster whose
// kubeconfig has changed does not wait until all others have been reconciled.
type passQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
}

func (q passQueue) Add(request reconcile.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}, request)
}

// forPass returns the queue for a pass over many Clusters because of something that they share.
func forPass(queue Queue) Queue {
	if priorities, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		return passQueue{priorities}
	}
	return queue
}

// pass returns a handler that enqueues for a pass.
func pass(enqueue handler.EventHandler) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, queue Queue) {
			enqueue.Create(ctx, e, forPass(queue))
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, queue Queue) {
			enqueue.Update(ctx, e, forPass(queue))
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, queue Queue) {
			enqueue.Delete(ctx, e, forPass(queue))
		},
	}
}
