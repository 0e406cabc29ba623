// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
)

// maxConcurrentReconciles is how many profiles are reconciled at once. A reconcile waits for the hub only.
const maxConcurrentReconciles = 4

// required are the APIs without which there is nothing to check, or nowhere to report it.
var required = []hub.API{
	hub.ClusterProfiles,
	{CRD: "spokechecks.capi-inventory.dev", Kind: v1alpha1.SchemeGroupVersion.WithKind("SpokeCheck"), Scope: meta.RESTScopeNamespace},
}

// NewRESTMapper is a cluster.Options.MapperProvider that works before the required APIs are installed.
func NewRESTMapper(config *rest.Config, httpClient *http.Client) (meta.RESTMapper, error) {
	return hub.NewRESTMapper(required, config, httpClient)
}

// Add adds the Reconciler to a manager. It starts as soon as the APIs that it needs are installed; until then the manager is not
// ready. Its metrics go to the registry.
func (r *Reconciler) Add(mgr ctrl.Manager, registry prometheus.Registerer) error {
	r.scheduler = newScheduler(r.Checker, r.Options.pace(), r.Options.Concurrency, r.Clock)
	if err := registry.Register(r.scheduler); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	gate := &hub.Gate{
		Required: required,
		Setup:    func(context.Context) error { return r.setup(mgr) },
		Clock:    r.Clock,
		Metrics:  registry,
	}
	return gate.AddTo(mgr)
}

// setup starts the scheduler and the watches. The APIs must be there.
func (r *Reconciler) setup(mgr ctrl.Manager) error {
	if err := mgr.Add(r.scheduler); err != nil {
		return fmt.Errorf("adding the scheduler: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("spokecheck").
		// A profile was created or deleted, or its access changed.
		For(&inventoryv1alpha1.ClusterProfile{}).
		// Another writer edited or deleted what we report; at start, a check may have no profile any more.
		Watches(&v1alpha1.SpokeCheck{}, &handler.EnqueueRequestForObject{}).
		// A spoke has been probed.
		WatchesRawSource(source.Channel(r.scheduler.results, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: maxConcurrentReconciles, RateLimiter: requeue.RateLimiter()}).
		Complete(r)
}
