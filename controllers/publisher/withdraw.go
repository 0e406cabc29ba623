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

// withdraw removes the profiles of a Cluster that no Inventory claims any more: it was deselected or opted out, or its
// Inventory was changed or removed. It returns the problems met, by Inventory, and when to look again.
func (r *Reconciler) withdraw(ctx context.Context, cluster *clusterv1.Cluster, decided decision) (map[string][]profile.Problem, time.Duration, error) {
	problems := map[string][]profile.Problem{}
	var (
		again soonest
		errs  []error
	)
	for _, live := range r.provenance.of(client.ObjectKeyFromObject(cluster)) {
		inventory := live.Labels[v1alpha1.LabelInventory]
		claimed := slices.ContainsFunc(decided.claims, func(c claim) bool { return c.profile == client.ObjectKeyFromObject(live) })
		if claimed || decided.view.faults[inventory] != nil {
			continue
		}
		if exists, err := r.hidden(ctx, inventory); err != nil || exists {
			errs = append(errs, err)
			continue
		}
		met, wait, err := r.remove(ctx, live, cluster)
		problems[inventory] = append(problems[inventory], met...)
		again.add(wait)
		errs = append(errs, err)
	}
	return problems, again.duration(), errors.Join(errs...)
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
	published := r.provenance.of(name)
	if len(published) == 0 {
		return nil, 0, nil
	}
	var successor clusterv1.Cluster
	if err := r.live.Get(ctx, name, &successor); err != nil && !apierrors.IsNotFound(err) {
		return nil, 0, fmt.Errorf("confirming that the Cluster is gone: %w", err)
	}
	problems := map[string][]profile.Problem{}
	var (
		again soonest
		errs  []error
	)
	for _, live := range published {
		if successor.UID != "" && live.Labels[v1alpha1.LabelClusterUID] == string(successor.UID) {
			// It exists: the cache is behind, or not allowed to see it. Either way it is not ours to withdraw.
			continue
		}
		met, wait, err := r.remove(ctx, live, nil)
		inventory := live.Labels[v1alpha1.LabelInventory]
		problems[inventory] = append(problems[inventory], met...)
		again.add(wait)
		errs = append(errs, err)
	}
	return problems, again.duration(), errors.Join(errs...)
}

// remove deletes the very profile that was judged, or reports a deletion that is refused or stuck. cluster is told of it, where it
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
		err = fmt.Errorf("deleting ClusterProfile %s: %w", key, err)
		return refused(err), 0, err
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
