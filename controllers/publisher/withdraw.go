// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/profile"
)

// stuckAfter is how long a deletion may wait for consumers' finalizers before it is told.
const stuckAfter = 5 * time.Minute

// bySource indexes profiles by the Cluster that their provenance names.
const bySource = "source"

// withdraw removes the profiles of a Cluster that no Inventory claims any more: it was deselected or opted out, or its
// Inventory was changed or removed. It returns the problems met, by Inventory, and when to look again.
func (r *Reconciler) withdraw(ctx context.Context, cluster *clusterv1.Cluster, decided decision) (map[string][]profile.Problem, time.Duration, error) {
	problems := map[string][]profile.Problem{}
	var again soonest
	published, err := r.publishedOf(ctx, client.ObjectKeyFromObject(cluster))
	if err != nil {
		return nil, 0, err
	}
	for _, live := range published {
		inventory := live.Labels[v1alpha1.LabelInventory]
		claimed := slices.ContainsFunc(decided.claims, func(c claim) bool { return c.profile == client.ObjectKeyFromObject(live) })
		if claimed || decided.broken[inventory] {
			continue
		}
		if exists, err := r.hidden(ctx, inventory); err != nil || exists {
			return nil, 0, err
		}
		stuck, wait, err := r.remove(ctx, live, cluster)
		if err != nil {
			return nil, 0, err
		}
		problems[inventory] = append(problems[inventory], stuck...)
		again.add(wait)
	}
	return problems, again.duration(), nil
}

// hidden reports whether an Inventory exists although the cache lacks it. Nothing is deleted on the ground of a cache alone.
func (r *Reconciler) hidden(ctx context.Context, inventory string) (bool, error) {
	key := types.NamespacedName{Name: inventory}
	if err := r.client.Get(ctx, key, &v1alpha1.Inventory{}); !apierrors.IsNotFound(err) {
		return false, err
	}
	err := r.live.Get(ctx, key, &v1alpha1.Inventory{})
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking up the Inventory %q: %w", inventory, err)
	}
	return true, nil
}

// withdrawAll removes the profiles of a Cluster that is not in the cache, once a live look-up has confirmed that the Cluster
// each of them stands for is gone. It returns as withdraw does.
func (r *Reconciler) withdrawAll(ctx context.Context, name types.NamespacedName) (map[string][]profile.Problem, time.Duration, error) {
	published, err := r.publishedOf(ctx, name)
	if err != nil || len(published) == 0 {
		return nil, 0, err
	}
	var successor clusterv1.Cluster
	if err := r.live.Get(ctx, name, &successor); err != nil && !apierrors.IsNotFound(err) {
		return nil, 0, fmt.Errorf("confirming that the Cluster is gone: %w", err)
	}
	problems := map[string][]profile.Problem{}
	var again soonest
	for _, live := range published {
		if successor.UID != "" && live.Labels[v1alpha1.LabelClusterUID] == string(successor.UID) {
			// It exists: the cache is behind, or not allowed to see it. Either way it is not ours to withdraw.
			continue
		}
		stuck, wait, err := r.remove(ctx, live, nil)
		if err != nil {
			return nil, 0, err
		}
		inventory := live.Labels[v1alpha1.LabelInventory]
		problems[inventory] = append(problems[inventory], stuck...)
		again.add(wait)
	}
	return problems, again.duration(), nil
}

// publishedOf lists the profiles of this manager that name a Cluster as their source.
func (r *Reconciler) publishedOf(ctx context.Context, source types.NamespacedName) ([]*inventoryv1alpha1.ClusterProfile, error) {
	return r.published(ctx, client.MatchingFields{bySource: source.String()})
}

// published lists the profiles of this manager that an index finds. They are the cache's own, and not to be changed.
func (r *Reconciler) published(ctx context.Context, found client.MatchingFields) ([]*inventoryv1alpha1.ClusterProfile, error) {
	var list inventoryv1alpha1.ClusterProfileList
	if err := r.client.List(ctx, &list, found, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing profiles: %w", err)
	}
	var ours []*inventoryv1alpha1.ClusterProfile
	for i := range list.Items {
		if list.Items[i].Spec.ClusterManager.Name == r.options.ClusterManager {
			ours = append(ours, &list.Items[i])
		}
	}
	return ours, nil
}

// remove deletes the very profile that was judged, or reports a deletion that is stuck. cluster is told of it, where it
// still exists.
func (r *Reconciler) remove(ctx context.Context, live *inventoryv1alpha1.ClusterProfile, cluster *clusterv1.Cluster) ([]profile.Problem, time.Duration, error) {
	if !live.DeletionTimestamp.IsZero() {
		problems, wait := r.stuck(live)
		return problems, wait, nil
	}
	key := client.ObjectKeyFromObject(live)
	target := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	err := r.client.Delete(ctx, target, client.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion})
	if apierrors.IsNotFound(err) {
		return nil, 0, nil
	}
	count("delete", err)
	if err != nil {
		return nil, 0, fmt.Errorf("deleting ClusterProfile %s: %w", key, err)
	}
	logf.FromContext(ctx).Info("Withdrew a profile", "ClusterProfile", key)
	if cluster != nil {
		r.announcer.withdrawn(cluster, key)
	}
	return nil, 0, nil
}

// stuck reports a deletion that has waited too long for somebody else's finalizer, or when it will have.
func (r *Reconciler) stuck(live *inventoryv1alpha1.ClusterProfile) ([]profile.Problem, time.Duration) {
	if left := stuckAfter - r.options.Clock.Since(live.DeletionTimestamp.Time); left > 0 {
		return nil, left
	}
	return []profile.Problem{{
		Reason: v1alpha1.ProblemDeletionStuck,
		Message: fmt.Sprintf("ClusterProfile %s/%s has been waiting for more than 5 minutes to be deleted; its finalizers %s belong to consumers: if one of them is uninstalled, remove its finalizer by hand",
			live.Namespace, live.Name, strings.Join(live.Finalizers, ", ")),
	}}, 0
}
