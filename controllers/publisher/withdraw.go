// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// stuckAfter is how long a deletion may wait for consumers' finalizers before that is reported.
const stuckAfter = 5 * time.Minute

// withdrawal collects what the deletion of a Cluster's profiles comes to.
type withdrawal struct {
	problems map[string][]profile.Problem
	again    soonest
	errs     []error
}

func (w *withdrawal) add(inventory string, done outcome, err error) {
	if w.problems == nil {
		w.problems = map[string][]profile.Problem{}
	}
	w.problems[inventory] = append(w.problems[inventory], done.problems...)
	w.again.add(done.again)
	w.errs = append(w.errs, err)
}

func (w *withdrawal) result() (map[string][]profile.Problem, time.Duration, error) {
	return w.problems, w.again.duration(), errors.Join(w.errs...)
}

// forOwn decides on each profile of a Cluster that is this publisher's to withdraw: of its class, and with a provenance that nobody
// has changed.
func (r *Reconciler) forOwn(view *view, cluster types.NamespacedName, decide func(live *profile.Live) (outcome, error)) withdrawal {
	var result withdrawal
	for _, published := range r.index.of(cluster) {
		live, err := profile.Read(published)
		if err != nil {
			result.add("", outcome{}, err)
			continue
		}
		_, inventory, _ := live.Source()
		if _, others := view.others[inventory]; others || !live.MayBeDeleted(r.options.ClusterManager) {
			continue
		}
		done, err := decide(live)
		result.add(inventory, done, err)
	}
	return result
}

// withdraw deletes the profiles of a Cluster that no Inventory wants any more: it was deselected or opted out, its Inventory is
// gone, or a replacement is there. It returns the problems met, by Inventory, and when to look again.
func (r *Reconciler) withdraw(ctx context.Context, view *view, cluster *clusterv1.Cluster, claims profile.Claims) (map[string][]profile.Problem, time.Duration, error) {
	result := r.forOwn(view, client.ObjectKeyFromObject(cluster), func(live *profile.Live) (outcome, error) {
		wanted, err := r.stillWanted(ctx, view, cluster, claims, live)
		if err != nil || wanted {
			return outcome{}, err
		}
		return r.remove(ctx, live, cluster)
	})
	return result.result()
}

// stillWanted reports whether a profile of a Cluster must stay: somebody wants it, or what is wanted in its place is not there
// yet.
func (r *Reconciler) stillWanted(ctx context.Context, view *view, cluster *clusterv1.Cluster, claims profile.Claims, live *profile.Live) (bool, error) {
	if claims.Has(client.ObjectKeyFromObject(live)) {
		return true, nil
	}
	if profile.OptedOut(cluster) {
		return false, nil
	}
	_, inventory, _ := live.Source()
	if _, faulty := view.faults[inventory]; faulty {
		return true, nil
	}
	if slices.Contains(claims.Selecting, inventory) {
		replaced, err := r.replaced(ctx, view, cluster, claims, live)
		return !replaced, err
	}
	return r.hidden(ctx, view, inventory)
}

// replaced reports whether the hub has the profile that is wanted in place of another one: under the name that its Inventory
// gives it now, or by the Inventory that has its namespace now. One without access does not replace one with.
func (r *Reconciler) replaced(ctx context.Context, view *view, cluster *clusterv1.Cluster, claims profile.Claims, old *profile.Live) (bool, error) {
	_, inventory, _ := old.Source()
	for _, claim := range claims.Granted {
		if claim.Inventory.Name() != inventory && claim.Profile.Namespace != old.Namespace {
			continue
		}
		// First wait, then look: its next event is not missed.
		r.waiters.add(claim.Profile, client.ObjectKeyFromObject(cluster))
		live, err := r.profile(ctx, r.client, claim.Profile)
		if err != nil {
			return false, err
		}
		if r.standing(view, live, cluster) == profile.Ours && live.DeletionTimestamp.IsZero() &&
			len(live.Status.Conditions) > 0 && (len(live.Status.AccessProviders) > 0 || len(old.Status.AccessProviders) == 0) {
			return true, nil
		}
	}
	return false, nil
}

// hidden reports whether an Inventory exists although the view lacks it. Nothing is deleted on the word of a cache alone.
func (r *Reconciler) hidden(ctx context.Context, view *view, inventory string) (bool, error) {
	if _, known := view.versions[inventory]; known {
		return false, nil
	}
	live := &v1alpha1.Inventory{}
	switch err := r.live.Get(ctx, types.NamespacedName{Name: inventory}, live); {
	case notFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking up the Inventory %q: %w", inventory, err)
	}
	return live.DeletionTimestamp.IsZero(), nil
}

// withdrawAll removes the profiles of a Cluster that is not in the cache, once a live look-up has confirmed that the Cluster
// each of them stands for is gone. It returns as withdraw does.
func (r *Reconciler) withdrawAll(ctx context.Context, view *view, name types.NamespacedName) (map[string][]profile.Problem, time.Duration, error) {
	if len(r.index.of(name)) == 0 {
		return nil, 0, nil
	}
	successor, err := r.liveUID(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	result := r.forOwn(view, name, func(live *profile.Live) (outcome, error) {
		if !outlived(live, successor) {
			// Its Cluster exists: the cache is behind, or not allowed to see it. Either way it is not ours to withdraw.
			return outcome{}, nil
		}
		return r.remove(ctx, live, nil)
	})
	return result.result()
}

// outlived reports whether a profile has outlived its Cluster, by the UID of the Cluster that has the name now; empty for none.
func outlived(live *profile.Live, now types.UID) bool {
	return now == "" || live.ClusterUID() != "" && live.ClusterUID() != now
}

// liveUID asks the API server for the UID of a Cluster; empty where there is none.
func (r *Reconciler) liveUID(ctx context.Context, name types.NamespacedName) (types.UID, error) {
	cluster := &clusterv1.Cluster{}
	if err := r.live.Get(ctx, name, cluster); notFound(err) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("looking up the Cluster: %w", err)
	}
	return cluster.UID, nil
}

// replace removes the profile of an earlier Cluster of the same name, once a live look-up has confirmed which one is there now.
// The profile has outlived its Cluster by labels that this publisher owns; whether somebody took the one that names the
// Inventory does not matter, and nobody would ever put it back.
func (r *Reconciler) replace(ctx context.Context, live *profile.Live, cluster *clusterv1.Cluster) (outcome, error) {
	uid, err := r.liveUID(ctx, client.ObjectKeyFromObject(cluster))
	if err != nil {
		return failed(err)
	}
	if uid != cluster.UID {
		// The cache is behind: its next event tells more.
		return outcome{keep: true, again: time.Second}, nil
	}
	return r.delete(ctx, live, cluster)
}

// remove deletes the very profile that was judged, or reports a deletion that is refused or stuck. An Event on the cluster
// reports it, where the Cluster still exists.
func (r *Reconciler) remove(ctx context.Context, live *profile.Live, cluster *clusterv1.Cluster) (outcome, error) {
	unlock := r.lock(client.ObjectKeyFromObject(live))
	defer unlock()
	return r.delete(ctx, live, cluster)
}

// delete must be called with the lock of the profile held.
func (r *Reconciler) delete(ctx context.Context, live *profile.Live, cluster *clusterv1.Cluster) (outcome, error) {
	if !live.DeletionTimestamp.IsZero() {
		problems, wait := r.stuck(live)
		return outcome{problems: problems, again: wait}, nil
	}
	key := client.ObjectKeyFromObject(live)
	var held outcome
	if r.contested(key, live, &held) {
		return held, nil
	}
	target := &inventoryv1alpha1.ClusterProfile{}
	target.Namespace, target.Name = key.Namespace, key.Name
	err := r.client.Delete(ctx, target, client.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion})
	switch {
	case notFound(err):
		return outcome{}, nil
	case apierrors.IsConflict(err):
		r.metrics.wrote("delete", err)
		// It has changed since it was judged: the cache will show it.
		r.budgets.conflict(key, live.ResourceVersion)
		lost := outcome{keep: true}
		if !r.contested(key, live, &lost) {
			lost.wait(time.Second)
		}
		return lost, nil
	}
	r.metrics.wrote("delete", err)
	if err != nil {
		return failed(fmt.Errorf("deleting ClusterProfile %s: %w", key, err))
	}
	r.budgets.deleted(key)
	logf.FromContext(ctx).Info("Withdrew a profile", "ClusterProfile", key)
	if cluster != nil {
		r.announcer.withdrawn(cluster, live.ClusterProfile)
	}
	return outcome{}, nil
}

// stuck reports a deletion that has waited too long for somebody else's finalizer, or when it will have.
func (r *Reconciler) stuck(live *profile.Live) ([]profile.Problem, time.Duration) {
	if left := stuckAfter - r.options.Clock.Since(live.DeletionTimestamp.Time); left > 0 {
		return nil, left
	}
	return []profile.Problem{profile.NewProblem(v1alpha1.ProblemDeletionStuck,
		"ClusterProfile %s/%s has been waiting for more than 5 minutes to be deleted; its finalizers %s belong to consumers: if one of them is uninstalled, remove its finalizer by hand",
		live.Namespace, live.Name, strings.Join(live.Finalizers, ", "))}, 0
}
