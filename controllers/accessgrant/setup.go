// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
)

// required are the APIs without which there is nothing to grant.
var required = []hub.API{
	{CRD: "clusters.cluster.x-k8s.io", Kind: clusterv1.GroupVersion.WithKind("Cluster"), Scope: meta.RESTScopeNamespace},
	{CRD: "inventories.capi-inventory.dev", Kind: v1alpha1.SchemeGroupVersion.WithKind("Inventory"), Scope: meta.RESTScopeRoot},
	hub.ClusterProfiles,
	{CRD: "accessgrants.capi-inventory.dev", Kind: v1alpha1.SchemeGroupVersion.WithKind("AccessGrant"), Scope: meta.RESTScopeNamespace},
}

// hubNamespace is the namespace whose UID identifies a cluster (KEP-2149).
const hubNamespace = "kube-system"

// NewRESTMapper is a cluster.Options.MapperProvider that works before the required APIs are installed.
func NewRESTMapper(config *rest.Config, httpClient *http.Client) (meta.RESTMapper, error) {
	return hub.NewRESTMapper(required, config, httpClient)
}

// Add adds the broker to a manager. It starts as soon as the APIs that it needs are installed; until then the manager is not ready.
func Add(mgr ctrl.Manager, options Options) error {
	gate := &hub.Gate{
		Required: required,
		Setup:    func(ctx context.Context) error { return setup(ctx, mgr, options) },
		Clock:    options.Clock,
		Metrics:  options.Metrics,
	}
	return gate.AddTo(mgr)
}

func setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	namespace := &corev1.Namespace{}
	if err := mgr.GetAPIReader().Get(ctx, client.ObjectKey{Name: hubNamespace}, namespace); err != nil {
		return fmt.Errorf("identifying the hub by its namespace %s: %w", hubNamespace, err)
	}
	compiler, err := cel.NewCompiler()
	if err != nil {
		return err
	}
	metrics, err := newMetrics(options, mgr.GetClient())
	if err != nil {
		return err
	}
	r := &reconciler{
		Options:     options,
		hub:         grant.HubOf(namespace.UID, options.PublisherClass),
		client:      mgr.GetClient(),
		live:        mgr.GetAPIReader(),
		recorder:    mgr.GetEventRecorder(FieldManager),
		inventories: source.NewInventories(mgr.GetClient(), compiler, options.PublisherClass),
		metrics:     metrics,
		lanes:       newLanes(options.Concurrency, options.Clock, options.Spokes.Timeout),
		retries:     newRetries(options.Clock),
		rewrites:    newRewrites(options.Clock),
		spokes:      newBusySpokes(),
	}
	if err := r.addTo(mgr); err != nil {
		return err
	}
	return newImporter(r).addTo(mgr)
}

func (r *reconciler) addTo(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("accessgrant").
		WithOptions(controller.Options{MaxConcurrentReconciles: r.Concurrency, RateLimiter: requeue.RateLimiter()}).
		For(&v1alpha1.AccessGrant{}).
		// Somebody has changed or deleted a Secret that consumers read.
		WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestForOwner(mgr.GetScheme(), mgr.GetRESTMapper(), &v1alpha1.AccessGrant{})).
		// A grant that was refused may be asked for now.
		Watches(&v1alpha1.Inventory{}, handler.EnqueueRequestsFromMapFunc(r.grantsOf), builder.WithPredicates(source.InventoryChanged)).
		Complete(r)
}

func (i *importer) addTo(mgr ctrl.Manager) error {
	own := predicate.NewPredicateFuncs(func(object client.Object) bool {
		of, isGrant := object.(*v1alpha1.AccessGrant)
		return isGrant && of.Spec.Provider == v1alpha1.ProviderClusterProperties && i.grants.serves(of)
	})
	return ctrl.NewControllerManagedBy(mgr).Named("clusterproperties").
		WithOptions(controller.Options{MaxConcurrentReconciles: i.grants.Concurrency, RateLimiter: requeue.RateLimiter()}).
		For(&v1alpha1.AccessGrant{}, builder.WithPredicates(own)).
		Complete(i)
}

// grantsOf finds the AccessGrants of an Inventory, whose pauses end.
func (r *reconciler) grantsOf(ctx context.Context, inventory client.Object) []reconcile.Request {
	var list v1alpha1.AccessGrantList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "Could not list the AccessGrants of an Inventory")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if list.Items[i].Spec.Inventory == inventory.GetName() {
			key := client.ObjectKeyFromObject(&list.Items[i])
			r.retries.forget(key)
			requests = append(requests, reconcile.Request{NamespacedName: key})
		}
	}
	return requests
}
