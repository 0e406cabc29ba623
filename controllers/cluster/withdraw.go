// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/target"
)

// forEachOwned decides on each profile of a Cluster that the publisher may delete: of its class, and with a provenance that no other
// writer has changed.
func (r *Reconciler) forEachOwned(
	snapshot *source.Snapshot, cluster types.NamespacedName, decide func(live *profile.Live) (target.Result, error),
) findings {
	var found findings
	for _, published := range r.Index.ForCluster(cluster) {
		live, err := profile.Read(published)
		if err != nil {
			found.add("", target.Result{}, err)
			continue
		}
		_, inventory, _ := live.Provenance()
		if snapshot.IsOfOtherClass(inventory) || !live.MayBeDeleted(r.ClusterManager) {
			continue
		}
		result, err := decide(live)
		found.add(inventory, result, err)
	}
	return found
}

// withdraw deletes the profiles of a Cluster that no Inventory wants any more: it was deselected or opted out, its Inventory is
// gone, or there is a replacement.
func (r *Reconciler) withdraw(ctx context.Context, p pass) findings {
	return r.forEachOwned(p.snapshot, p.key(), func(live *profile.Live) (target.Result, error) {
		wanted, err := r.stillWanted(ctx, p, live)
		if err != nil || wanted {
			return target.Result{}, err
		}
		if current, err := r.isCurrent(ctx, p, deciding(p, live)...); err != nil || !current {
			// The events that the cache has not got yet decide again.
			return target.Result{RequeueAfter: staleRequeue}, err
		}
		result, err := r.Profiles.Delete(ctx, live)
		if result.Deleted {
			r.events.withdrawn(p.cluster, live.ClusterProfile)
		}
		return result, err
	})
}

// deciding returns the names of the Inventories by which a profile is withdrawn: its own, and those that replace it.
func deciding(p pass, live *profile.Live) []string {
	_, inventory, _ := live.Provenance()
	replacements := p.claims.Replacements(live)
	names := append(make([]string, 0, len(replacements)+1), inventory)
	for _, claim := range replacements {
		names = append(names, claim.Inventory.Name())
	}
	return names
}

// stillWanted reports whether a profile of a Cluster must stay: an Inventory wants it, or what is wanted in its place is not there
// yet.
func (r *Reconciler) stillWanted(ctx context.Context, p pass, live *profile.Live) (bool, error) {
	switch p.claims.FateOf(live, p.cluster, p.snapshot.Invalid) {
	case profile.Stays:
		return true, nil
	case profile.StaysUntilReplaced:
		replaced, err := r.replaced(ctx, p, live)
		return !replaced, err
	}
	return false, nil
}

// replaced reports whether the hub has the profile that is wanted in place of another one: under the name that its Inventory
// gives it now, or by the Inventory that has its namespace now. A profile without access does not replace one with access.
func (r *Reconciler) replaced(ctx context.Context, p pass, old *profile.Live) (bool, error) {
	for _, claim := range p.claims.Replacements(old) {
		// Subscribed before it is read: its next event is not missed.
		r.waiters.Add(claim.Profile, p.key())
		live, err := r.Profiles.Get(ctx, claim.Profile)
		if err != nil {
			return false, err
		}
		owned := r.ownership(p.snapshot, live, p.cluster) == profile.Owned && live.DeletionTimestamp.IsZero()
		if owned && len(live.Status.Conditions) > 0 && (len(live.Status.AccessProviders) > 0 || len(old.Status.AccessProviders) == 0) {
			return true, nil
		}
	}
	return false, nil
}

// withdrawAll deletes the profiles of a Cluster that is not in the cache, after a live look-up has confirmed that the Cluster of
// each of them is gone.
func (r *Reconciler) withdrawAll(ctx context.Context, snapshot *source.Snapshot, cluster types.NamespacedName) findings {
	if len(r.Index.ForCluster(cluster)) == 0 {
		return findings{}
	}
	uid, err := r.clusterUID(ctx, cluster)
	if err != nil {
		return findings{errs: []error{err}}
	}
	return r.forEachOwned(snapshot, cluster, func(live *profile.Live) (target.Result, error) {
		if !live.IsOfEarlier(uid) {
			// Its Cluster exists: the cache is stale, or does not include it. Either way the profile stays.
			return target.Result{}, nil
		}
		return r.Profiles.Delete(ctx, live)
	})
}
