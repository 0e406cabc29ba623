// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
)

const (
	// statusDebounce is how long changes of an Inventory's results are collected at least before its status is written.
	statusDebounce = time.Second
	// statusDutyFactor is how many times the duration of the last summary they are collected: summaries take 2 % of the time.
	statusDutyFactor = 50
	// maxStatusDebounce bounds that: a summary that a busy machine has delayed says nothing about the next one.
	maxStatusDebounce = 30 * time.Second
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// SetupWithManager starts the controller with the manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("inventory").
		For(&v1alpha1.Inventory{}, builder.WithPredicates(statusAffected)).
		WithOptions(controller.Options{RateLimiter: requeue.RateLimiter()}).
		// How many profiles there are, and how healthy.
		Watches(&inventoryv1alpha1.ClusterProfile{}, r.enqueueByProfile()).
		// What the controller of Clusters found out.
		WatchesRawSource(ctrlsource.TypedChannel(r.Results.Changed(), handler.TypedFuncs[string, reconcile.Request]{
			GenericFunc: func(_ context.Context, e event.TypedGenericEvent[string], to queue) { r.enqueue(e.Object, to) },
		})).
		Complete(r)
}

// enqueueByProfile reconciles the Inventories that a profile names, and has named before.
func (r *Reconciler) enqueueByProfile() handler.EventHandler {
	enqueue := func(profile client.Object, to queue) {
		if name := profile.GetLabels()[v1alpha1.LabelInventory]; name != "" {
			r.enqueue(name, to)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, to queue) { enqueue(e.Object, to) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, to queue) {
			enqueue(e.ObjectOld, to)
			enqueue(e.ObjectNew, to)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, to queue) { enqueue(e.Object, to) },
	}
}

// enqueue reconciles an Inventory once for many events.
func (r *Reconciler) enqueue(inventory string, to queue) {
	to.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Name: inventory}}, r.debounce())
}

// debounce returns after how long the next summary of an Inventory is worth its cost.
func (r *Reconciler) debounce() time.Duration {
	return min(maxStatusDebounce, max(statusDebounce, statusDutyFactor*time.Duration(r.summaryDuration.Load())))
}

// statusAffected passes the events that the status of an Inventory must follow, or that remove what the publisher has written: a
// changed specification, a deletion, a removed finalizer, an emptied status. A status that another writer has changed stays until
// the next change or resync, so that two writers do not overwrite each other in a loop.
var statusAffected = predicate.Or(source.InventoryChanged, predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	after, ok := e.ObjectNew.(*v1alpha1.Inventory)
	resync := e.ObjectOld.GetResourceVersion() == e.ObjectNew.GetResourceVersion()
	return resync || ok && len(after.Status.Conditions) == 0 || !controllerutil.ContainsFinalizer(e.ObjectNew, v1alpha1.FinalizerProfiles)
}})
