// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/keymutex"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Options are what an administrator decides of the publisher.
type Options struct {
	// ClusterManager is spec.clusterManager.name of every profile: a label value, and not to be changed later.
	ClusterManager string
	// PublisherClass is spec.publisherClass of the Inventories that this publisher serves; empty for those without one.
	PublisherClass string
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter that a Cluster must have; empty admits all.
	WatchFilter string
	// Namespaces are those whose Clusters are published, as in CacheOptions; none means all.
	Namespaces []string
	// Concurrency is how many Clusters are reconciled at a time.
	Concurrency int
	// StaleAfter is for how long no Lease of Cluster API must have been renewed until the health of every Cluster is unknown; 0 for
	// never.
	StaleAfter time.Duration
	// Clock tells the time.
	Clock clock.WithTicker
	// Metrics is where the publisher's metrics are registered; nil for nowhere.
	Metrics prometheus.Registerer
	// NewQueue makes the queue of a controller, by its name, that looks at things again after a while; nil for controller-runtime's
	// priority queue, which goes by the time of the system and not by the Clock.
	NewQueue func(string, workqueue.TypedRateLimiter[reconcile.Request]) Queue
	// Settled is called once, when every Cluster has been looked at since the start and an Inventory was there to want them;
	// nil for nobody to call.
	Settled func()
}

// Reconciler publishes one Cluster in every Inventory that wants it.
type Reconciler struct {
	options     Options
	scope       scope
	client      client.Client
	live        client.Reader
	index       *index
	inventories *inventories
	secrets     *secrets
	objects     *objects
	liveness    *liveness
	ledger      *ledger
	writes      *writes
	reports     *writes
	budgets     *budgets
	lookups     *lookups
	waiters     *waiters
	arrivals    *arrivals
	metrics     *metrics
	announcer   announcer
	// locks are held, by the key of a profile, from the look at it to the last write: two Clusters may want one name.
	locks keymutex.KeyMutex
	// seen says that every Cluster has been looked at since this process started.
	seen atomic.Bool
	// summaryTook is how long the last summary of an Inventory took, in nanoseconds.
	summaryTook atomic.Int64
}

// Reconcile brings the profiles of a Cluster in line with it.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ctx = logf.IntoContext(ctx, logf.FromContext(ctx).WithValues("Cluster", req.NamespacedName))
	view, err := r.inventories.current(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.waiters.forget(req.NamespacedName)
	if !r.scope.watches(req.Namespace) {
		return r.unwatched(ctx, view, req.NamespacedName, nil)
	}
	cluster := &clusterv1.Cluster{}
	switch err := r.client.Get(ctx, req.NamespacedName, cluster); {
	case apierrors.IsNotFound(err):
		return r.gone(ctx, view, req.NamespacedName)
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("reading the Cluster: %w", err)
	case !r.scope.includes(cluster):
		return r.unwatched(ctx, view, req.NamespacedName, cluster)
	}
	return r.reconcile(ctx, view, cluster)
}

// reconcile publishes a Cluster where it is wanted, withdraws it elsewhere, and records what came of it.
func (r *Reconciler) reconcile(ctx context.Context, view *view, cluster *clusterv1.Cluster) (ctrl.Result, error) {
	name := client.ObjectKeyFromObject(cluster)
	arrived := r.arrivals.take(name)
	claims, err := r.decide(ctx, view, cluster)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("choosing Inventories: %w", err)
	}
	var (
		again    soonest
		errs     []error
		problems = claims.Refused
		wrote    bool
		pending  bool
	)
	for _, claim := range claims.Granted {
		outcome, err := r.publish(ctx, view, cluster, claim)
		if outcome.keep {
			outcome.problems = keepKnown(r.ledger.known(name, claim.Inventory.Name()), outcome.problems)
		}
		problems[claim.Inventory.Name()] = outcome.problems
		again.add(outcome.again)
		errs = append(errs, err)
		wrote = wrote || outcome.wrote
		pending = pending || outcome.keep || outcome.held
	}
	met, wait, err := r.withdraw(ctx, view, cluster, claims)
	again.add(wait)
	errs = append(errs, err)
	for inventory, more := range met {
		problems[inventory] = append(problems[inventory], more...)
	}
	errs = append(errs, r.objects.keepOnly(ctx, name, references(claims, cluster)...))
	if err := ctx.Err(); err != nil {
		// The publisher is stopping: what failed for that is no problem of the Cluster.
		return ctrl.Result{}, err
	}
	r.announcer.problems(cluster, r.ledger.record(name, view, claims.Selecting, problems))
	err = errors.Join(errs...)
	if err != nil || pending {
		r.arrivals.resume(name, arrived)
	} else if wrote {
		r.arrivals.published(arrived)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: again.duration()}, nil
}

// gone withdraws the profiles of a Cluster that is no longer in the cache, and forgets it when the last one is gone.
func (r *Reconciler) gone(ctx context.Context, view *view, name types.NamespacedName) (ctrl.Result, error) {
	problems, wait, err := r.withdrawAll(ctx, view, name)
	r.ledger.left(name, problems)
	r.secrets.forget(name)
	if err := errors.Join(err, r.objects.keepOnly(ctx, name)); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: wait}, nil
}

// keepKnown returns the problems of a pass that did not judge everything, after those that were known before. What the pass
// found replaces what was known for the same reason: the text of an error may be another one each time, by a port or a time
// in it, and would be kept once for each attempt.
func keepKnown(known, found []profile.Problem) []profile.Problem {
	var all []profile.Problem
	for _, p := range known {
		if !slices.ContainsFunc(found, func(f profile.Problem) bool { return f.Reason == p.Reason }) {
			all = append(all, p)
		}
	}
	return append(all, found...)
}

// soonest collects when to look again; zero is never.
type soonest time.Duration

func (s *soonest) add(wait time.Duration) {
	if wait > 0 && (*s == 0 || wait < time.Duration(*s)) {
		*s = soonest(wait)
	}
}

func (s soonest) duration() time.Duration { return time.Duration(s) }
