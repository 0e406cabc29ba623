// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// coalesce is how long news about an Inventory is collected at least before its status is written. A summary looks at every
// Cluster, so where one takes long the next one waits a multiple of that.
const (
	coalesce = time.Second
	pace     = 50
	// longestPace bounds that: a summary that a busy machine has held up says nothing about the next one.
	longestPace = 30 * time.Second
)

// lastRetry is the longest pause between two attempts at what failed: an API that is back, or a webhook, is noticed by no
// event.
const lastRetry = time.Minute

func retries() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](10*time.Millisecond, lastRetry)
}

// watch sets up both reconcilers.
func (r *Reconciler) watch(mgr ctrl.Manager) error {
	if err := ctrl.NewControllerManagedBy(mgr).Named("publisher").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: r.options.Concurrency, RateLimiter: retries(), NewQueue: r.options.NewQueue,
		}).
		// What a profile is made of.
		Watches(&clusterv1.Cluster{}, r.enqueueCluster()).
		// A rotated kubeconfig may carry a new endpoint or certificate authority; one that arrives is the first.
		Watches(&corev1.Secret{}, r.enqueue(clusterOfSecret)).
		// Somebody else changed or deleted what we publish, or a profile of ours outlived its Cluster while we were down.
		Watches(&inventoryv1alpha1.ClusterProfile{}, r.enqueueProfile()).
		// What is wanted of every Cluster changed.
		Watches(&v1alpha1.Inventory{}, pass(r.enqueue(r.clustersOfInventory)), builder.WithPredicates(specChanged)).
		// Namespaces are selected by their labels; one that appears may be a target.
		Watches(newNamespaceMetadata(), pass(r.enqueue(r.clustersOfNamespace)), builder.OnlyMetadata,
			builder.WithPredicates(namespaceChanged)).
		// A control plane reports another version, or an infrastructure object another fact that an expression reads.
		WatchesRawSource(source.TypedChannel(r.objects.changed, handler.TypedFuncs[types.NamespacedName, reconcile.Request]{
			GenericFunc: func(_ context.Context, e event.TypedGenericEvent[types.NamespacedName], queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
				r.arrivals.note(e.Object)
				queue.Add(reconcile.Request{NamespacedName: e.Object})
			},
		})).
		// Cluster API went down, or came back.
		WatchesRawSource(source.TypedChannel(r.liveness.changed, handler.TypedFuncs[struct{}, reconcile.Request]{GenericFunc: r.enqueueAll})).
		Complete(r); err != nil {
		return err
	}
	// What is left of a profile whose provenance somebody has changed.
	if err := ctrl.NewControllerManagedBy(mgr).Named("stray").
		WithOptions(controller.Options{RateLimiter: retries(), NewQueue: r.options.NewQueue}).
		Watches(&inventoryv1alpha1.ClusterProfile{}, r.enqueueStray()).
		Complete(strayReconciler{r}); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).Named("inventory").
		For(&v1alpha1.Inventory{}, builder.WithPredicates(statusWorthALook)).
		WithOptions(controller.Options{RateLimiter: retries()}).
		// How many profiles there are, and how healthy.
		Watches(&inventoryv1alpha1.ClusterProfile{}, r.later(func(_ context.Context, object client.Object) []string {
			return []string{object.GetLabels()[v1alpha1.LabelInventory]}
		})).
		// The problems that the publisher met.
		WatchesRawSource(source.TypedChannel(r.ledger.changed, handler.TypedFuncs[string, reconcile.Request]{
			GenericFunc: func(_ context.Context, e event.TypedGenericEvent[string], queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
				queue.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Name: e.Object}}, r.nextSummary())
			},
		})).
		Complete(InventoryReconciler{r})
}

// enqueue reconciles the Clusters that an object concerns, and notes that they wait.
func (r *Reconciler) enqueue(clusters func(context.Context, client.Object) []types.NamespacedName) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		concerned := clusters(ctx, object)
		requests := make([]reconcile.Request, 0, len(concerned))
		for _, cluster := range concerned {
			r.arrivals.note(cluster)
			requests = append(requests, reconcile.Request{NamespacedName: cluster})
		}
		return requests
	})
}

// enqueueAll reconciles every Cluster, for what no object reports.
func (r *Reconciler) enqueueAll(ctx context.Context, _ event.TypedGenericEvent[struct{}], queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	queue = forPass(queue)
	for _, cluster := range r.clustersIn(ctx, "") {
		r.arrivals.note(cluster)
		queue.Add(reconcile.Request{NamespacedName: cluster})
	}
}

// later reconciles the Inventories that an object concerns, once for many objects.
func (r *Reconciler) later(inventories func(context.Context, client.Object) []string) handler.EventHandler {
	add := func(ctx context.Context, object client.Object, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		for _, name := range inventories(ctx, object) {
			if name != "" {
				queue.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Name: name}}, r.nextSummary())
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			add(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			add(ctx, e.ObjectOld, q)
			add(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			add(ctx, e.Object, q)
		},
	}
}

// nextSummary is after how long the next summary of an Inventory is worth its while.
func (r *Reconciler) nextSummary() time.Duration {
	return min(longestPace, max(coalesce, pace*time.Duration(r.summaryTook.Load())))
}

func clusterItself(_ context.Context, object client.Object) []types.NamespacedName {
	return []types.NamespacedName{client.ObjectKeyFromObject(object)}
}

// clusterOfSecret finds the Cluster by the label and by the name: providers do not agree on either for a user's kubeconfig.
// The cache keeps the label only where it says something else than the name.
func clusterOfSecret(_ context.Context, object client.Object) []types.NamespacedName {
	var clusters []types.NamespacedName
	if labelled := object.GetLabels()[clusterv1.ClusterNameLabel]; labelled != "" {
		clusters = append(clusters, types.NamespacedName{Namespace: object.GetNamespace(), Name: labelled})
	}
	if named, ok := strings.CutSuffix(object.GetName(), kubeconfigSuffix); ok {
		clusters = append(clusters, types.NamespacedName{Namespace: object.GetNamespace(), Name: named})
	}
	return clusters
}

// enqueueCluster reconciles a Cluster, and notes those that were there before the publisher.
func (r *Reconciler) enqueueCluster() handler.EventHandler {
	enqueue := r.enqueue(clusterItself)
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			if e.IsInInitialList {
				r.ledger.found(client.ObjectKeyFromObject(e.Object))
			}
			enqueue.Create(ctx, e, queue)
		},
		UpdateFunc: enqueue.Update,
		DeleteFunc: enqueue.Delete,
	}
}

// enqueueProfile reconciles the Cluster that a profile names, unless the event shows only what this process has written and
// what is still wanted; and the Clusters that wait for the profile, in any case.
func (r *Reconciler) enqueueProfile() handler.EventHandler {
	source := r.enqueue(clusterOfProfile)
	waiting := func(profile client.Object, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		for _, cluster := range r.waiters.take(client.ObjectKeyFromObject(profile)) {
			r.arrivals.note(cluster)
			queue.Add(reconcile.Request{NamespacedName: cluster})
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			r.index.replace(nil, e.Object)
			if !r.echo(e.Object) || !r.stillClaimed(ctx, e.Object) {
				source.Create(ctx, e, queue)
			}
			waiting(e.Object, queue)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			r.index.replace(e.ObjectOld, e.ObjectNew)
			resync := e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
			if resync || !r.echo(e.ObjectNew) {
				source.Update(ctx, e, queue)
			}
			waiting(e.ObjectNew, queue)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			r.index.replace(e.Object, nil)
			r.writes.forget(client.ObjectKeyFromObject(e.Object), e.Object.GetResourceVersion())
			r.lookups.forget(client.ObjectKeyFromObject(e.Object))
			source.Delete(ctx, e, queue)
			waiting(e.Object, queue)
		},
	}
}

func (r *Reconciler) echo(profile client.Object) bool {
	return r.writes.echo(client.ObjectKeyFromObject(profile), profile.GetResourceVersion())
}

// stillClaimed reports whether a profile that this process has created is wanted now that the cache shows it. When the Cluster
// was deselected before that, there was nothing to withdraw yet.
func (r *Reconciler) stillClaimed(ctx context.Context, created client.Object) bool {
	source, _ := profile.SourceOf(created)
	cluster := &clusterv1.Cluster{}
	view, err := r.inventories.current(ctx)
	if err != nil || !r.scope.watches(source.Namespace) || r.client.Get(ctx, source, cluster) != nil || !r.scope.includes(cluster) {
		return false
	}
	claims, err := r.decide(ctx, view, cluster)
	return err == nil && claims.Has(client.ObjectKeyFromObject(created))
}

func clusterOfProfile(_ context.Context, object client.Object) []types.NamespacedName {
	if source, named := profile.SourceOf(object); named {
		return []types.NamespacedName{source}
	}
	return nil
}

// clustersOfInventory finds all Clusters, and those that only profiles of the Inventory name: they are gone, or not watched.
func (r *Reconciler) clustersOfInventory(ctx context.Context, inventory client.Object) []types.NamespacedName {
	clusters := r.clustersIn(ctx, "")
	for _, published := range r.index.by(inventory.GetName()) {
		if source, _ := profile.SourceOf(published); !r.scope.watches(source.Namespace) {
			clusters = append(clusters, source)
		}
	}
	return clusters
}

// clustersOfNamespace finds the Clusters of a namespace, and all Clusters where an Inventory publishes into it.
func (r *Reconciler) clustersOfNamespace(ctx context.Context, object client.Object) []types.NamespacedName {
	var list v1alpha1.InventoryList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "Could not list Inventories for a changed namespace")
	}
	for i := range list.Items {
		if list.Items[i].Spec.Namespace == object.GetName() {
			return r.clustersIn(ctx, "")
		}
	}
	return r.clustersIn(ctx, object.GetName())
}

func (r *Reconciler) clustersIn(ctx context.Context, namespace string) []types.NamespacedName {
	if namespace != "" && !r.scope.watches(namespace) {
		return nil
	}
	var clusters clusterv1.ClusterList
	if err := r.client.List(ctx, &clusters, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "Could not list Clusters")
		return nil
	}
	var keys []types.NamespacedName
	for i := range clusters.Items {
		keys = append(keys, client.ObjectKeyFromObject(&clusters.Items[i]))
	}
	return keys
}

// statusWorthALook lets pass what the status of an Inventory must follow, or what takes away what the publisher has written: a
// changed specification, a deletion, a removed finalizer, an emptied status. The status that another writer prefers is not
// worth a fight; it lasts until the next change or resync.
var statusWorthALook = predicate.Or(specChanged, predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	after, ok := e.ObjectNew.(*v1alpha1.Inventory)
	resync := e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
	return resync || ok && len(after.Status.Conditions) == 0 || !controllerutil.ContainsFinalizer(e.ObjectNew, v1alpha1.FinalizerProfiles)
}})

// specChanged lets pass what changes the meaning of an Inventory: not its status, which we write.
var specChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
		e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}}

var namespaceChanged = predicate.Or(predicate.LabelChangedPredicate{}, predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}})

func newNamespaceMetadata() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return namespace
}
