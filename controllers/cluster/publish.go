// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/target"
)

// staleRequeue is how soon to reconcile again what the cache shows too late.
const staleRequeue = time.Second

// publish brings one profile of a Cluster in line with it, if the publisher may write it.
func (r *Reconciler) publish(ctx context.Context, p pass, claim profile.Claim) (target.Result, error) {
	locked := r.Profiles.Lock(claim.Profile)
	defer locked.Unlock()
	live, timeout, err := locked.Read(ctx, func() { r.waiters.Add(claim.Profile, p.key()) })
	if err != nil {
		return target.Failed(err)
	}
	if timeout > 0 {
		return target.Result{Keep: true, RequeueAfter: timeout}, nil
	}
	if result, blocked, err := r.checkProfile(ctx, p, locked, live); blocked {
		return result, err
	}
	problem, err := r.checkNamespace(ctx, claim.Profile.Namespace)
	if err != nil {
		return target.Failed(err)
	}
	if problem != nil {
		return target.Result{Problems: []profile.Problem{*problem}}, nil
	}
	facts, err := r.Clusters.Facts(ctx, p.cluster, claim.Inventory, live)
	if err != nil {
		return target.Failed(fmt.Errorf("gathering facts: %w", err))
	}
	if !facts.Ready {
		return target.Result{Keep: true, RequeueAfter: facts.RequeueAfter}, nil
	}
	facts.Object = p.object
	if current, err := r.mayRevoke(ctx, p, claim, facts.Facts); err != nil || !current {
		return target.Result{Keep: true, RequeueAfter: staleRequeue}, err
	}
	result, err := locked.Apply(ctx, claim.Inventory, facts.Facts)
	result.RequeueAfter = requeue.Min(result.RequeueAfter, facts.RequeueAfter)
	return result, err
}

// mayRevoke reports whether a profile can be written although that takes a scoped access away: the decision was made of what the API server
// has now.
func (r *Reconciler) mayRevoke(ctx context.Context, p pass, claim profile.Claim, facts profile.Facts) (bool, error) {
	if len(facts.Grants) == 0 {
		return true, nil
	}
	_, unwanted, err := claim.Inventory.Grants(facts)
	if err != nil || len(unwanted) == 0 {
		return err == nil, err
	}
	return r.isCurrent(ctx, p, asking(p, claim, unwanted)...)
}

// asking returns the names of the Inventories that decide about scoped access which is taken away: the one that has the profile now, and
// those that have asked for the access.
func asking(p pass, claim profile.Claim, unwanted []*v1alpha1.AccessGrant) []string {
	names := []string{claim.Inventory.Name()}
	for _, of := range unwanted {
		if !p.snapshot.IsOfOtherClass(of.Spec.Inventory) {
			names = append(names, of.Spec.Inventory)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkProfile reports whether the live profile must not be written, and what is done instead.
func (r *Reconciler) checkProfile(
	ctx context.Context, p pass, locked target.Locked, live *profile.Live,
) (result target.Result, blocked bool, err error) {
	switch ownership := r.ownership(p.snapshot, live, p.cluster); {
	case ownership == profile.Foreign:
		// Its name is taken as soon as it is free.
		requeueAfter, err := r.await(ctx, live, p.key())
		problem := profile.ForeignProblem(live, r.ClusterManager)
		return target.Result{Problems: []profile.Problem{problem}, RequeueAfter: requeueAfter}, true, err
	case ownership == profile.OfEarlier:
		// Its successor is published when it is gone.
		result, err = r.replace(ctx, p, locked, live)
		return result, true, err
	case live != nil && !live.DeletionTimestamp.IsZero():
		// Another client has deleted it and a consumer's finalizer holds it: it is created again when it is gone.
		requeueAfter, err := r.await(ctx, live, p.key())
		result := r.Profiles.AwaitDeletion(live)
		result.RequeueAfter = requeue.Min(result.RequeueAfter, requeueAfter)
		return result, true, err
	}
	return target.Result{}, false, nil
}

// replace deletes the profile of an earlier Cluster of the same name, after a live look-up has confirmed which one exists now.
// The profile is stale by labels that this publisher owns. It does not matter whether another writer took the one that names the
// Inventory: no writer would ever put it back.
func (r *Reconciler) replace(ctx context.Context, p pass, locked target.Locked, live *profile.Live) (target.Result, error) {
	requeueAfter, err := r.await(ctx, live, p.key())
	if err != nil {
		return target.Failed(err)
	}
	uid, err := r.clusterUID(ctx, p.key())
	if err != nil {
		return target.Failed(err)
	}
	if uid != p.cluster.UID {
		// The cache is stale: its next event reports more.
		return target.Result{Keep: true, RequeueAfter: requeue.Min(staleRequeue, requeueAfter)}, nil
	}
	result, err := locked.Delete(ctx, live)
	if result.Deleted {
		r.events.withdrawn(p.cluster, live.ClusterProfile)
	}
	result.RequeueAfter = requeue.Min(result.RequeueAfter, requeueAfter)
	return result, err
}

// await reconciles a Cluster at the next event of a profile. An event that came between the read of the profile and this call did
// not: then the Cluster is requeued.
func (r *Reconciler) await(ctx context.Context, read *profile.Live, cluster types.NamespacedName) (requeueAfter time.Duration, err error) {
	key := client.ObjectKeyFromObject(read)
	r.waiters.Add(key, cluster)
	current, err := r.Profiles.Get(ctx, key)
	if err != nil || current != nil && current.ResourceVersion == read.ResourceVersion {
		return 0, err
	}
	return staleRequeue, nil
}

// ownership returns that of a live profile for a Cluster. One that the Inventory of another publisher class has published is foreign.
func (r *Reconciler) ownership(snapshot *source.Snapshot, live *profile.Live, cluster *clusterv1.Cluster) profile.Ownership {
	return profile.OwnershipAmong(live, r.ClusterManager, cluster, snapshot.IsOfOtherClass)
}
