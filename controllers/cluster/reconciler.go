// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
	"github.com/capi-inventory/capi-inventory/internal/publish/target"
)

// Reconciler publishes one Cluster in every Inventory that selects it.
type Reconciler struct {
	Options
	scope   scope
	waiters *state.Waiters
	lookups *lookups
	events  eventRecorder
}

// New returns the reconciler.
func New(options Options) *Reconciler {
	return &Reconciler{
		Options: options,
		scope:   scope{namespaces: options.Namespaces, watchFilter: options.WatchFilter},
		waiters: state.NewWaiters(),
		lookups: newLookups(options.Clock),
		events:  eventRecorder{options.Recorder},
	}
}

// findings are what a pass found out, of all profiles of the Cluster.
type findings struct {
	// problems are those of the Cluster, by the name of the Inventory.
	problems     map[string][]profile.Problem
	requeueAfter time.Duration
	errs         []error
}

// add adds what came of one profile. An error is a problem of its Inventory too, unless the result says more of it.
func (f *findings) add(inventory string, result target.Result, err error) {
	if err != nil && len(result.Problems) == 0 && inventory != "" {
		failed, _ := target.Failed(err)
		result.Problems = failed.Problems
	}
	f.merge(findings{
		problems:     map[string][]profile.Problem{inventory: result.Problems},
		requeueAfter: result.RequeueAfter,
		errs:         []error{err},
	})
}

func (f *findings) merge(other findings) {
	if f.problems == nil {
		f.problems = map[string][]profile.Problem{}
	}
	for inventory, problems := range other.problems {
		f.problems[inventory] = append(f.problems[inventory], problems...)
	}
	f.requeueAfter = requeue.Min(f.requeueAfter, other.requeueAfter)
	f.errs = append(f.errs, other.errs...)
}

// Reconcile brings the profiles of a Cluster in line with it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ctx = logf.IntoContext(ctx, logf.FromContext(ctx).WithValues("Cluster", req.NamespacedName))
	snapshot, err := r.Inventories.Snapshot(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.waiters.Forget(req.NamespacedName)
	if !r.scope.watches(req.Namespace) {
		return r.reconcileUnwatched(ctx, snapshot, req.NamespacedName, nil)
	}
	cluster := &clusterv1.Cluster{}
	switch err := r.Client.Get(ctx, req.NamespacedName, cluster); {
	case apierrors.IsNotFound(err):
		return r.reconcileDelete(ctx, snapshot, req.NamespacedName)
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("reading the Cluster: %w", err)
	case !r.scope.includes(cluster):
		return r.reconcileUnwatched(ctx, snapshot, req.NamespacedName, cluster)
	}
	return r.reconcile(ctx, snapshot, cluster)
}

// reconcile publishes a Cluster where it is wanted, withdraws it elsewhere, and records the problems.
func (r *Reconciler) reconcile(ctx context.Context, snapshot *source.Snapshot, cluster *clusterv1.Cluster) (ctrl.Result, error) {
	key := client.ObjectKeyFromObject(cluster)
	p, err := r.newPass(ctx, snapshot, cluster)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("choosing Inventories: %w", err)
	}
	since := r.Latency.Dequeued(key)
	var (
		found   = findings{problems: maps.Clone(p.claims.Refused)}
		wrote   bool
		pending bool
	)
	for _, claim := range p.claims.Granted {
		result, err := r.publish(ctx, p, claim)
		if result.Keep {
			result.Problems = keepKnown(r.Results.Problems(key, claim.Inventory.Name()), result.Problems)
		}
		found.add(claim.Inventory.Name(), result, err)
		wrote = wrote || result.Wrote
		pending = pending || result.Keep || result.Held
	}
	found.merge(r.withdraw(ctx, p))
	found.errs = append(found.errs, r.Clusters.KeepReferences(ctx, cluster, p.inventories()), r.keepSpokeChecks(ctx))
	if err := ctx.Err(); err != nil {
		// The publisher is stopping: a failure for that reason is not a problem of the Cluster.
		return ctrl.Result{}, err
	}
	result := state.Result{Revisions: snapshot.Revisions, Selecting: p.claims.Selecting, Problems: found.problems}
	r.events.problems(cluster, r.Results.Record(key, result))
	err = errors.Join(found.errs...)
	if err != nil || pending {
		r.Latency.Requeued(key, since)
	} else if wrote {
		r.Latency.Observe(since)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: found.requeueAfter}, nil
}

// keepSpokeChecks ends the watch of SpokeChecks if no Inventory trusts them now. The snapshot of the reconcile may be older than the watch.
func (r *Reconciler) keepSpokeChecks(ctx context.Context) error {
	latest, err := r.Inventories.Snapshot(ctx)
	if err != nil {
		return err
	}
	return r.Clusters.KeepSpokeChecks(ctx, latest.Valid)
}

// reconcileDelete withdraws the profiles of a Cluster that is not in the cache any more, and forgets it when they are gone.
func (r *Reconciler) reconcileDelete(ctx context.Context, snapshot *source.Snapshot, key types.NamespacedName) (ctrl.Result, error) {
	r.Latency.Dequeued(key)
	found := r.withdrawAll(ctx, snapshot, key)
	if err := ctx.Err(); err != nil {
		return ctrl.Result{}, err
	}
	r.Results.RecordDeleted(key, found.problems)
	found.errs = append(found.errs, r.Clusters.Forget(ctx, key))
	if err := errors.Join(found.errs...); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: found.requeueAfter}, nil
}

// keepKnown returns the problems of a pass that did not decide everything, after those that were known before. What the pass
// found replaces what was known for the same reason: the text of an error may differ each time, by a port or a time in it, and
// would be kept once for each attempt.
func keepKnown(known, found []profile.Problem) []profile.Problem {
	var all []profile.Problem
	for _, p := range known {
		if !slices.ContainsFunc(found, func(f profile.Problem) bool { return f.Reason == p.Reason }) {
			all = append(all, p)
		}
	}
	return append(all, found...)
}
