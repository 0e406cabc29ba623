// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// waiters holds the Clusters that wait for something to happen to a profile: that another Cluster or manager gives its name up,
// that the cache shows what was written, that a replacement is there. The profile's own labels do not name them. A Cluster waits for
// what its last pass asked for and nothing else, so that profiles that never come leave nothing behind.
type waiters struct {
	mu sync.Mutex
	// profiles are the Clusters that wait for each profile; clusters are the profiles that each Cluster waits for.
	profiles, clusters relation
}

// relation is what belongs to a key; it has no empty sets.
type relation map[types.NamespacedName]sets.Set[types.NamespacedName]

func (r relation) add(key, value types.NamespacedName) {
	if r[key] == nil {
		r[key] = sets.New[types.NamespacedName]()
	}
	r[key].Insert(value)
}

func (r relation) remove(key, value types.NamespacedName) {
	r[key].Delete(value)
	if len(r[key]) == 0 {
		delete(r, key)
	}
}

func newWaiters() *waiters { return &waiters{profiles: relation{}, clusters: relation{}} }

// add notes that a Cluster waits for the next event of a profile. To miss none, look at the profile after this call.
func (w *waiters) add(profile, cluster types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.profiles.add(profile, cluster)
	w.clusters.add(cluster, profile)
}

// take returns the Clusters that wait for a profile, which wait no longer.
func (w *waiters) take(profile types.NamespacedName) []types.NamespacedName {
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting := w.profiles[profile].UnsortedList()
	delete(w.profiles, profile)
	for _, cluster := range waiting {
		w.clusters.remove(cluster, profile)
	}
	return waiting
}

// forget ends all that a Cluster waits for. A pass calls it before it looks at anything: what it still waits for it adds again.
func (w *waiters) forget(cluster types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for profile := range w.clusters[cluster] {
		w.profiles.remove(profile, cluster)
	}
	delete(w.clusters, cluster)
}
