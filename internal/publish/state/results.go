// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Results holds what the last reconcile of each Cluster found out: which Inventories select it, and the problems that they have
// with it.
type Results struct {
	// changed names an Inventory whose summary is another one now; no receiver is left when done is closed.
	changed chan event.TypedGenericEvent[string]
	done    <-chan struct{}

	mu       sync.Mutex
	clusters map[types.NamespacedName]clusterResult
	// existing are the Clusters that existed when the process started and have not been reconciled since: their problems were
	// reported before.
	existing map[types.NamespacedName]bool
	// strays are the results of profiles whose provenance another writer has changed, and that no Cluster accounts for.
	strays map[types.NamespacedName]inventoryResult
}

// Result is what a reconcile of a Cluster found out.
type Result struct {
	// Revisions are those of the Inventories that the Cluster was reconciled with, by name. The map is not changed.
	Revisions map[string]profile.Revision
	// Selecting are the names of the Inventories that select the Cluster.
	Selecting []string
	// Problems are those of the Cluster, by the name of the Inventory.
	Problems map[string][]profile.Problem
}

// clusterResult is what is known of a Cluster.
type clusterResult struct {
	// revisions is nil where they do not matter, because the Cluster is gone or not in the scope of the publisher.
	revisions   map[string]profile.Revision
	inventories []inventoryResult
}

// inventoryResult is what is known of a Cluster in one Inventory. A Cluster has few of them, mostly one: a list takes a tenth of
// the memory of a map.
type inventoryResult struct {
	inventory string
	selects   bool
	problems  []profile.Problem
}

func (r inventoryResult) equal(other inventoryResult) bool {
	return r.selects == other.selects && slices.Equal(r.problems, other.problems)
}

// in returns the result in an Inventory; an empty one if there is none.
func (r clusterResult) in(inventory string) inventoryResult {
	for _, result := range r.inventories {
		if result.inventory == inventory {
			return result
		}
	}
	return inventoryResult{}
}

func (r clusterResult) mentions(inventory string) bool {
	return slices.ContainsFunc(r.inventories, func(result inventoryResult) bool { return result.inventory == inventory })
}

// NewResults returns empty results. Changes are no longer sent after done is closed.
func NewResults(done <-chan struct{}) *Results {
	return &Results{
		changed:  make(chan event.TypedGenericEvent[string], 1024),
		done:     done,
		clusters: map[types.NamespacedName]clusterResult{},
		existing: map[types.NamespacedName]bool{},
		strays:   map[types.NamespacedName]inventoryResult{},
	}
}

// Changed receives the name of an Inventory whenever its summary changes. It is not debounced.
func (r *Results) Changed() <-chan event.TypedGenericEvent[string] { return r.changed }

// Existing notes a Cluster that existed when the process started.
func (r *Results) Existing(cluster types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, seen := r.clusters[cluster]; !seen {
		r.existing[cluster] = true
	}
}

// Unobserved reports whether a Cluster that existed when the process started has not been reconciled since. It looks at no Cluster.
func (r *Results) Unobserved() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.existing) > 0
}

// Record replaces the result of a Cluster. It returns the problems that were not reported before.
func (r *Results) Record(cluster types.NamespacedName, result Result) []profile.Problem {
	after := clusterResult{revisions: result.Revisions}
	for _, inventory := range result.Selecting {
		after.inventories = append(after.inventories,
			inventoryResult{inventory: inventory, selects: true, problems: result.Problems[inventory]})
	}
	after.inventories = append(after.inventories, unselected(result.Selecting, result.Problems)...)
	return r.replace(cluster, after, true)
}

// RecordDeleted records that a Cluster is gone, and the problems that its profiles still have; it is forgotten if there are none.
func (r *Results) RecordDeleted(cluster types.NamespacedName, problems map[string][]profile.Problem) {
	after := unselected(nil, problems)
	r.replace(cluster, clusterResult{inventories: after}, len(after) > 0)
}

// RecordUnwatched records that a Cluster is not in the scope of the publisher, and the problems of its profiles. One that is not in the
// cache is forgotten if there are none: any label of a profile may name it.
func (r *Results) RecordUnwatched(cluster types.NamespacedName, problems map[string][]profile.Problem, cached bool) {
	after := unselected(nil, problems)
	r.replace(cluster, clusterResult{inventories: after}, cached || len(after) > 0)
}

// replace replaces the result of a Cluster, and forgets the Cluster unless it is to be kept. It returns the problems that were not
// reported before.
func (r *Results) replace(cluster types.NamespacedName, after clusterResult, keep bool) []profile.Problem {
	r.mu.Lock()
	before, existing := r.clusters[cluster], r.existing[cluster]
	if keep {
		r.clusters[cluster] = after
	} else {
		delete(r.clusters, cluster)
	}
	delete(r.existing, cluster)
	if len(r.existing) == 0 {
		// A map keeps the size that it had at most.
		r.existing = map[types.NamespacedName]bool{}
	}
	r.mu.Unlock()
	added := r.diff(before, after)
	if existing {
		return nil
	}
	return added
}

// diff notifies the Inventories whose results differ, and returns the problems that were not there before.
func (r *Results) diff(before, after clusterResult) (added []profile.Problem) {
	for _, result := range after.inventories {
		old := before.in(result.inventory)
		if !result.equal(old) {
			r.notify(result.inventory)
		}
		for _, p := range result.problems {
			if !slices.Contains(old.problems, p) {
				added = append(added, p)
			}
		}
	}
	for _, old := range before.inventories {
		if !after.mentions(old.inventory) {
			r.notify(old.inventory)
		}
	}
	return added
}

func (r *Results) notify(inventory string) {
	select {
	case r.changed <- event.TypedGenericEvent[string]{Object: inventory}:
	case <-r.done:
	}
}

// unselected returns the results of Inventories that have problems with a Cluster which they do not select: with what they have
// published of it before.
func unselected(selecting []string, problems map[string][]profile.Problem) []inventoryResult {
	var results []inventoryResult
	for inventory, found := range problems {
		if !slices.Contains(selecting, inventory) && len(found) > 0 {
			results = append(results, inventoryResult{inventory: inventory, problems: found})
		}
	}
	return results
}

// Problems returns the problems of a Cluster in an Inventory.
func (r *Results) Problems(cluster types.NamespacedName, inventory string) []profile.Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clusters[cluster].in(inventory).problems
}

// Seen reports whether there is a result of a Cluster.
func (r *Results) Seen(cluster types.NamespacedName) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, seen := r.clusters[cluster]
	return seen
}
