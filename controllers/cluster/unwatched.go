// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/target"
)

// reconcileUnwatched deals with the profiles of a Cluster outside the scope, published when the scope was another one. They stay as
// they are, and that is reported; but they are deleted with their Inventory and with their Cluster, so that neither is ever stuck.
// cached is the Cluster if it is in the cache, because only the watch filter excludes it; nil otherwise.
func (r *Reconciler) reconcileUnwatched(
	ctx context.Context, snapshot *source.Snapshot, key types.NamespacedName, cached *clusterv1.Cluster,
) (ctrl.Result, error) {
	r.Latency.Dequeued(key)
	found := r.forEachOwned(snapshot, key, func(live *profile.Live) (target.Result, error) {
		if !live.DeletionTimestamp.IsZero() {
			return r.Profiles.AwaitDeletion(live), nil
		}
		ended, wait, err := r.ended(ctx, snapshot, live, cached)
		switch {
		case err != nil:
			return target.Result{}, err
		case ended:
			return r.Profiles.Delete(ctx, live)
		}
		return target.Result{Problems: []profile.Problem{notWatched(client.ObjectKeyFromObject(live), key)}, RequeueAfter: wait}, nil
	})
	if err := ctx.Err(); err != nil {
		return ctrl.Result{}, err
	}
	r.Results.RecordUnwatched(key, found.problems, cached != nil)
	if err := r.Clusters.Forget(ctx, key); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: found.requeueAfter}, errors.Join(found.errs...)
}

// ended reports whether the Inventory or the Cluster of a profile is gone; if that is not looked up now, also when to look again.
// That its Cluster exists is read from the cache if the cache has it. Otherwise only the API server knows, because nothing watches
// Clusters there: it is asked once a minute at most, however often the profile changes.
func (r *Reconciler) ended(
	ctx context.Context, snapshot *source.Snapshot, live *profile.Live, cached *clusterv1.Cluster,
) (bool, time.Duration, error) {
	cluster, inventory, _ := live.Provenance()
	if _, known := snapshot.Revisions[inventory]; !known {
		revision, err := r.inventoryRevision(ctx, inventory)
		return err == nil && revision == profile.Revision{}, 0, err
	}
	if cached != nil && !live.IsOfEarlier(cached.UID) {
		return false, 0, nil
	}
	key := client.ObjectKeyFromObject(live)
	if wait := r.lookups.wait(key); wait > 0 {
		return false, wait, nil
	}
	uid, err := r.clusterUID(ctx, cluster)
	if err == nil && live.IsOfEarlier(uid) {
		return true, 0, nil
	}
	// The publisher may not be allowed to read Clusters outside its namespaces: one that cannot be read counts as existing.
	r.lookups.existed(key)
	return false, 0, nil
}
