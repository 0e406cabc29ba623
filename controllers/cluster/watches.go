// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
)

// SetupWithManager starts the controllers of Clusters and of stray profiles with the manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	if err := ctrl.NewControllerManagedBy(mgr).Named("publisher").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.Concurrency, RateLimiter: requeue.RateLimiter(), NewQueue: r.NewQueue,
		}).
		Watches(&clusterv1.Cluster{}, r.enqueueCluster()).
		// A rotated kubeconfig may contain a new endpoint or certificate authority; one that is created may be the first.
		Watches(&corev1.Secret{}, r.enqueue(clustersOfSecret)).
		// Another writer has changed or deleted what is published, or a profile became stale while no publisher ran.
		Watches(&inventoryv1alpha1.ClusterProfile{}, r.enqueueByProfile()).
		// The broker has granted an access, or can no longer renew it; or another writer has changed what is asked for.
		Watches(&v1alpha1.AccessGrant{}, r.enqueue(r.clustersOfGrant)).
		// What is wanted of every Cluster changed.
		Watches(&v1alpha1.Inventory{}, lowPriority(r.enqueue(r.clustersOfInventory)), builder.WithPredicates(source.InventoryChanged)).
		// Namespaces are selected by their labels; one that is created may be a target.
		Watches(newNamespaceMetadata(), lowPriority(r.enqueue(r.clustersOfNamespace)), builder.OnlyMetadata,
			builder.WithPredicates(namespaceChanged)).
		// A control plane reports another version, or an infrastructure object another value that an expression reads.
		WatchesRawSource(ctrlsource.TypedChannel(r.Clusters.ReferenceChanged(), handler.TypedFuncs[types.NamespacedName, reconcile.Request]{
			GenericFunc: func(_ context.Context, e event.TypedGenericEvent[types.NamespacedName], to Queue) {
				r.add(e.Object, to)
			},
		})).
		// A spoke answers the consumer, or no longer does.
		WatchesRawSource(ctrlsource.TypedChannel(r.Clusters.SpokeCheckChanged(), r.enqueueByCheck())).
		// Cluster API went down, or came back.
		WatchesRawSource(ctrlsource.TypedChannel(r.Clusters.HealthChanged(), handler.TypedFuncs[struct{}, reconcile.Request]{
			GenericFunc: func(ctx context.Context, _ event.TypedGenericEvent[struct{}], to Queue) {
				for _, cluster := range r.clustersIn(ctx, "") {
					r.add(cluster, withLowPriority(to))
				}
			},
		})).
		Complete(r); err != nil {
		return err
	}
	strays := strayReconciler{r}
	return ctrl.NewControllerManagedBy(mgr).Named("stray").
		WithOptions(controller.Options{RateLimiter: requeue.RateLimiter(), NewQueue: r.NewQueue}).
		Watches(&inventoryv1alpha1.ClusterProfile{}, strays.enqueue()).
		Complete(strays)
}

// add reconciles a Cluster, and measures the latency from now on.
func (r *Reconciler) add(cluster types.NamespacedName, to Queue) {
	r.Latency.Enqueued(cluster)
	to.Add(reconcile.Request{NamespacedName: cluster})
}

// enqueue reconciles the Clusters that an object concerns.
func (r *Reconciler) enqueue(clusters func(context.Context, client.Object) []types.NamespacedName) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		concerned := clusters(ctx, object)
		requests := make([]reconcile.Request, 0, len(concerned))
		for _, cluster := range concerned {
			r.Latency.Enqueued(cluster)
			requests = append(requests, reconcile.Request{NamespacedName: cluster})
		}
		return requests
	})
}

// enqueueCluster reconciles a Cluster, and notes those that existed before the publisher started.
func (r *Reconciler) enqueueCluster() handler.EventHandler {
	enqueue := r.enqueue(clusterItself)
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, to Queue) {
			if e.IsInInitialList {
				r.Results.Existing(client.ObjectKeyFromObject(e.Object))
			}
			enqueue.Create(ctx, e, to)
		},
		UpdateFunc: enqueue.Update,
		DeleteFunc: enqueue.Delete,
	}
}

// enqueueByProfile reconciles the Cluster that a profile names, unless the event shows only what this process has written and
// what is still wanted; and, in any case, the Clusters that wait for the profile. The index is updated before. The event of a SpokeCheck
// that came before that of its profile found no Cluster.
func (r *Reconciler) enqueueByProfile() handler.EventHandler {
	byLabels := r.enqueue(clusterOfProfile)
	enqueueWaiters := func(profile client.Object, to Queue) {
		for _, cluster := range r.waiters.Take(client.ObjectKeyFromObject(profile)) {
			r.add(cluster, to)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, to Queue) {
			r.Index.Update(nil, e.Object)
			if !r.Profiles.IsOwnWrite(e.Object) ||
				r.Clusters.HasSpokeCheck(ctx, client.ObjectKeyFromObject(e.Object)) || !r.stillClaimed(ctx, e.Object) {
				byLabels.Create(ctx, e, to)
			}
			enqueueWaiters(e.Object, to)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, to Queue) {
			r.Index.Update(e.ObjectOld, e.ObjectNew)
			resync := e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
			if resync || !r.Profiles.IsOwnWrite(e.ObjectNew) {
				byLabels.Update(ctx, e, to)
			}
			enqueueWaiters(e.ObjectNew, to)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, to Queue) {
			r.Index.Update(e.Object, nil)
			r.Profiles.Deleted(e.Object)
			r.lookups.forget(client.ObjectKeyFromObject(e.Object))
			byLabels.Delete(ctx, e, to)
			enqueueWaiters(e.Object, to)
		},
	}
}

// enqueueByCheck reconciles the Cluster whose profile has a SpokeCheck. Without a profile there is nothing to change yet. A whole site may
// go silent at once, which is less urgent than a changed endpoint.
func (r *Reconciler) enqueueByCheck() handler.TypedEventHandler[types.NamespacedName, reconcile.Request] {
	return handler.TypedFuncs[types.NamespacedName, reconcile.Request]{
		GenericFunc: func(ctx context.Context, e event.TypedGenericEvent[types.NamespacedName], to Queue) {
			published := &inventoryv1alpha1.ClusterProfile{}
			if r.Client.Get(ctx, e.Object, published) != nil {
				return
			}
			if cluster, named := profile.LabelledCluster(published); named {
				r.add(cluster, withLowPriority(to))
			}
		},
	}
}

// stillClaimed reports whether a profile that this process has created is wanted when the cache shows it. If the Cluster was
// deselected before that, there was nothing to withdraw yet.
func (r *Reconciler) stillClaimed(ctx context.Context, created client.Object) bool {
	key, _ := profile.LabelledCluster(created)
	cluster := &clusterv1.Cluster{}
	snapshot, err := r.Inventories.Snapshot(ctx)
	if err != nil || !r.scope.watches(key.Namespace) || r.Client.Get(ctx, key, cluster) != nil || !r.scope.includes(cluster) {
		return false
	}
	p, err := r.newPass(ctx, snapshot, cluster)
	return err == nil && p.claims.Has(client.ObjectKeyFromObject(created))
}

// namespaceChanged passes the events that change which Clusters are selected, or whether a namespace can be a target.
var namespaceChanged = predicate.Or(predicate.LabelChangedPredicate{}, predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}})
