// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// Options are what an administrator decides of the publisher.
type Options struct {
	// ClusterManager is spec.clusterManager.name of every profile: a label value, and not to be changed later.
	ClusterManager string
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter that a Cluster must have; empty admits all.
	WatchFilter string
	// Concurrency is how many Clusters are reconciled at a time.
	Concurrency int
	// Clock tells the time.
	Clock clock.WithTicker
	// Settled is called once, when every Cluster has been looked at since the start and an Inventory was there to want them;
	// nil for nobody to call.
	Settled func()
}

// Reconciler publishes one Cluster in every Inventory that wants it.
type Reconciler struct {
	options     Options
	client      client.Client
	live        client.Reader
	provenance  *provenance
	inventories *inventories
	secrets     *secrets
	objects     *objects
	ledger      *ledger
	writes      *writes
	arrivals    *arrivals
	announcer   announcer
	// seen says that every Cluster has been looked at since this process started.
	seen atomic.Bool
	// summaryTook is how long the last summary of an Inventory took, in nanoseconds.
	summaryTook atomic.Int64
}

// Reconcile brings the profiles of a Cluster in line with it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ctx = logf.IntoContext(ctx, logf.FromContext(ctx).WithValues("Cluster", req.NamespacedName))
	arrived := r.arrivals.take(req.NamespacedName)
	cluster := &clusterv1.Cluster{}
	if err := r.client.Get(ctx, req.NamespacedName, cluster); apierrors.IsNotFound(err) {
		return r.gone(ctx, req.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the Cluster: %w", err)
	}
	decided, err := r.decide(ctx, cluster)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("choosing Inventories: %w", err)
	}
	var (
		again soonest
		errs  []error
	)
	for _, claim := range decided.claims {
		outcome, err := r.publish(ctx, cluster, claim)
		if outcome.unknown {
			outcome.problems = r.ledger.known(req.NamespacedName, claim.inventory.Name())
		}
		decided.problems[claim.inventory.Name()] = outcome.problems
		again.add(outcome.again)
		errs = append(errs, err)
		if outcome.wrote {
			r.arrivals.published(arrived)
		}
	}
	met, wait, err := r.withdraw(ctx, cluster, decided)
	again.add(wait)
	errs = append(errs, err)
	for inventory, problems := range met {
		decided.problems[inventory] = append(decided.problems[inventory], problems...)
	}
	errs = append(errs, r.objects.keepOnly(ctx, req.NamespacedName, decided.references(cluster)...))
	r.announcer.problems(cluster, r.ledger.record(req.NamespacedName, decided.view.revision, decided.selecting, decided.problems))
	if err := errors.Join(errs...); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: again.duration()}, nil
}

// gone withdraws the profiles of a Cluster that is no longer in the cache, and forgets it when the last one is gone.
func (r *Reconciler) gone(ctx context.Context, name types.NamespacedName) (ctrl.Result, error) {
	problems, wait, err := r.withdrawAll(ctx, name)
	r.ledger.left(name, problems)
	r.secrets.forget(name)
	if err := errors.Join(err, r.objects.keepOnly(ctx, name)); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// soonest collects when to look again; zero is never.
type soonest time.Duration

func (s *soonest) add(wait time.Duration) {
	if wait > 0 && (*s == 0 || wait < time.Duration(*s)) {
		*s = soonest(wait)
	}
}

func (s soonest) duration() time.Duration { return time.Duration(s) }
