// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"fmt"
	"math"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime/schema"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// writers is how many profiles are reconciled at once. A reconciliation waits for the hub only.
const writers = 4

// Setup adds the Reconciler to a manager. Its metrics go to the registry.
func (r *Reconciler) Setup(mgr manager.Manager, registry prometheus.Registerer) error {
	r.rounds = newScheduler(r.Observer, r.Options.pace(), r.Options.Workers, r.Clock, newMetrics())
	if err := registry.Register(r.rounds); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	if err := mgr.Add(r.rounds); err != nil {
		return fmt.Errorf("adding the rounds: %w", err)
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("spokecheck").
		// A profile came, went, or says something else of access.
		For(&inventoryv1alpha1.ClusterProfile{}).
		// Somebody else edited or deleted what we report; at start, a check may have outlived its profile.
		Watches(&v1alpha1.SpokeCheck{}, &handler.EnqueueRequestForObject{}).
		// A spoke has been seen.
		WatchesRawSource(source.Channel(r.rounds.news, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: writers,
			// CRDs that are installed later are picked up then; meanwhile Ready says what is missing.
			CacheSyncTimeout: math.MaxInt64,
		}).
		Complete(r)
}

// Ready says which CRD the consumer is still waiting for.
func Ready(mgr manager.Manager) func(*http.Request) error {
	return func(*http.Request) error {
		for _, kind := range []schema.GroupVersionKind{
			inventoryv1alpha1.GroupVersion.WithKind(profileKind),
			v1alpha1.SchemeGroupVersion.WithKind("SpokeCheck"),
		} {
			if _, err := mgr.GetRESTMapper().RESTMapping(kind.GroupKind(), kind.Version); err != nil {
				return fmt.Errorf("waiting for the CRD of %s in %s: %w", kind.Kind, kind.GroupVersion(), err)
			}
		}
		return nil
	}
}
