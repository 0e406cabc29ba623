// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/consistency"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

// Inventories hold themselves until their profiles are gone; the finalizer and the status are patched.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=inventories,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=inventories/status,verbs=patch

// Options are what the controller of Inventories needs.
type Options struct {
	// ClusterManager is spec.clusterManager.name of every profile.
	ClusterManager string
	// PublisherClass is spec.publisherClass of the Inventories that are served.
	PublisherClass string
	// Client writes to the API server and reads from the cache, APIReader reads from the API server.
	Client    client.Client
	APIReader client.Reader
	Clock     clock.PassiveClock
	Metrics   prometheus.Registerer
	// Inventories, Index and Results are those of the controller of Clusters.
	Inventories *source.Inventories
	Index       *state.ProfileIndex
	Results     *state.Results
	// Listed reports whether the first list of every kind that Clusters refer to has arrived.
	Listed func() bool
	// OnSynced is called once, when all is Listed, every Cluster has been reconciled since the start, and there is an Inventory; it may
	// be nil.
	OnSynced func()
}

// Reconciler reports what came of an Inventory, and holds a deleted one until its profiles are gone.
type Reconciler struct {
	Options
	writes  *consistency.Store
	metrics *metrics
	// synced reports whether every Cluster has been reconciled since this process started.
	synced atomic.Bool
	// listed calls OnSynced.
	listed sync.Once
	// summaryDuration is how long the last summary of an Inventory took, in nanoseconds.
	summaryDuration atomic.Int64
}

// New returns the reconciler, and registers its metrics.
func New(options Options) (*Reconciler, error) {
	metrics, err := newMetrics(options.Metrics)
	if err != nil {
		return nil, err
	}
	return &Reconciler{Options: options, writes: consistency.NewStore(options.Clock), metrics: metrics}, nil
}

// Reconcile writes the status of an Inventory if it has changed. Inventories of other publisher classes are left alone.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	inventory := &v1alpha1.Inventory{}
	if err := r.Client.Get(ctx, req.NamespacedName, inventory); apierrors.IsNotFound(err) {
		r.metrics.forget(req.Name)
		r.writes.Clear(req.NamespacedName)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the Inventory: %w", err)
	}
	if inventory.Spec.PublisherClass != r.PublisherClass {
		return ctrl.Result{}, nil
	}
	if timeout, err := r.ensureReady(ctx, inventory); err != nil || timeout > 0 {
		return ctrl.Result{RequeueAfter: timeout}, err
	}
	published := r.Index.ForInventory(inventory.Name)
	var pending []profile.Problem
	switch {
	case inventory.DeletionTimestamp.IsZero():
		if err := r.addFinalizer(ctx, inventory); err != nil {
			return ctrl.Result{}, err
		}
	case !r.mayDeleteAny(published):
		var err error
		if pending, err = r.release(ctx, inventory); err != nil || len(pending) == 0 {
			return ctrl.Result{}, err
		}
	}
	return r.reconcileStatus(ctx, inventory, published, pending)
}

// reconcileStatus reports the profiles of an Inventory, and the problems of those that keep it from being deleted.
func (r *Reconciler) reconcileStatus(
	ctx context.Context, inventory *v1alpha1.Inventory, published []*inventoryv1alpha1.ClusterProfile, pending []profile.Problem,
) (ctrl.Result, error) {
	// The cost of a summary is measured on the machine's clock, whatever the time of day is.
	started := time.Now()
	summary, err := r.summarize(ctx, inventory, published)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, p := range pending {
		summary.problems = append(summary.problems, state.ClusterProblem{Problem: p})
	}
	r.summaryDuration.Store(int64(time.Since(started)))
	r.metrics.set(inventory.Name, summary.gauges())
	var again time.Duration
	if !summary.complete {
		again = r.debounce()
	}
	if len(pending) > 0 {
		again = requeue.Min(again, pendingRequeue)
	}
	return ctrl.Result{RequeueAfter: again}, r.applyStatus(ctx, inventory, summary)
}

// ensureReady makes sure that an Inventory has the status that was applied last: a status that equals an older one would not be
// applied. It returns how long to wait for the cache; beyond that time it reads the Inventory from the API server.
func (r *Reconciler) ensureReady(ctx context.Context, inventory *v1alpha1.Inventory) (timeout time.Duration, err error) {
	key := client.ObjectKeyFromObject(inventory)
	timeout, ready := r.writes.EnsureReady(key, inventory.ResourceVersion)
	if ready || timeout > 0 {
		return min(timeout, statusDebounce), nil
	}
	err = r.APIReader.Get(ctx, key, inventory)
	switch {
	case err == nil:
		return 0, nil
	case apierrors.IsNotFound(err):
		// Its deletion is not in the cache yet.
		return statusDebounce, nil
	}
	return 0, fmt.Errorf("reading the Inventory: %w", err)
}

// mayDeleteAny reports whether the publisher may withdraw one of the profiles. One whose provenance another writer has changed, and
// whose Cluster is gone, it may not, and such a profile must not hold an Inventory indefinitely.
func (r *Reconciler) mayDeleteAny(published []*inventoryv1alpha1.ClusterProfile) bool {
	return slices.ContainsFunc(published, func(p *inventoryv1alpha1.ClusterProfile) bool {
		live, err := profile.Read(p)
		return err != nil || live.MayBeDeleted(r.ClusterManager)
	})
}
