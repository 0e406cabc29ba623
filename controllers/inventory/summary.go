// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

// summary is what came of an Inventory.
type summary struct {
	// clusters is how many Clusters the Inventory selects.
	clusters  int
	published []*inventoryv1alpha1.ClusterProfile
	problems  []state.ClusterProblem
	// complete reports whether every Cluster has been reconciled, since this process started and with the current specification of
	// the Inventory.
	complete bool
	// invalid is why the Inventory cannot work at all.
	invalid error
}

func (r *Reconciler) summarize(
	ctx context.Context, inventory *v1alpha1.Inventory, published []*inventoryv1alpha1.ClusterProfile,
) (summary, error) {
	snapshot, err := r.Inventories.Snapshot(ctx)
	if err != nil {
		return summary{}, err
	}
	published = slices.DeleteFunc(published, r.Results.IsStray)
	if invalid := snapshot.Invalid[inventory.Name]; invalid != nil {
		return summary{published: published, complete: true, invalid: invalid}, nil //nolint:nilerr // the error is what is reported
	}
	results := r.Results.Summary(inventory.Name, snapshot.Revisions[inventory.Name])
	s := summary{published: published, clusters: results.Clusters, problems: results.Problems, complete: results.Complete}
	if s.complete {
		s.complete, err = r.allObserved(ctx)
	}
	s.problems = append(s.problems, duplicates(inventory.Name, r.Index.InNamespaces(namespacesOf(published)))...)
	return s, err
}

// allObserved reports whether every Cluster in the cache has been reconciled since this process started. Once that is so, one that
// comes later is reconciled like any change.
func (r *Reconciler) allObserved(ctx context.Context) (bool, error) {
	if !r.synced.Load() {
		if all, err := r.allSeen(ctx); err != nil || !all {
			return false, err
		}
		r.synced.Store(true)
	}
	if r.OnSynced != nil && r.Listed() {
		r.listed.Do(r.OnSynced)
	}
	return true, nil
}

func (r *Reconciler) allSeen(ctx context.Context) (bool, error) {
	if r.Results.Unobserved() {
		// While a large hub is published for the first time, the list is long and the answer is known.
		return false, nil
	}
	var clusters clusterv1.ClusterList
	if err := r.Client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("listing Clusters: %w", err)
	}
	for i := range clusters.Items {
		if !r.Results.Seen(client.ObjectKeyFromObject(&clusters.Items[i])) {
			return false, nil
		}
	}
	return true, nil
}

// present returns how many of the profiles are not being deleted: one that a consumer's finalizer holds may be of an earlier Cluster.
func (s summary) present() int {
	count := 0
	for _, p := range s.published {
		if p.DeletionTimestamp.IsZero() {
			count++
		}
	}
	return count
}

// first returns the first problem that matches; nil if there is none.
func (s summary) first(matches func(profile.Problem) bool) *state.ClusterProblem {
	if i := slices.IndexFunc(s.problems, func(p state.ClusterProblem) bool { return matches(p.Problem) }); i >= 0 {
		return &s.problems[i]
	}
	return nil
}

// gauges returns what the metrics show.
func (s summary) gauges() gauges {
	values := gauges{profiles: map[string]int{}, problems: map[string]int{}}
	for _, p := range s.published {
		status := metav1.ConditionUnknown
		healthy := meta.FindStatusCondition(p.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy)
		if healthy != nil {
			status = healthy.Status
		}
		values.profiles[string(status)]++
	}
	for _, p := range s.problems {
		values.problems[p.Reason]++
	}
	return values
}
