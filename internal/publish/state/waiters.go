// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Waiters holds the Clusters that wait for an event of a profile whose labels do not name them: that another Cluster or manager
// gives its name up, that the cache shows what was written, that a replacement exists. A Cluster waits for what its last reconcile
// asked for and nothing else, so that profiles that never come leave nothing behind.
type Waiters struct {
	mu sync.Mutex
	// profiles are the Clusters that wait for each profile; clusters are the profiles that each Cluster waits for.
	profiles, clusters relation
}

// relation holds what belongs to a key; it has no empty sets.
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

// NewWaiters returns waiters of which there are none.
func NewWaiters() *Waiters { return &Waiters{profiles: relation{}, clusters: relation{}} }

// Add notes that a Cluster waits for the next event of a profile. To miss none, read the profile after this call.
func (w *Waiters) Add(profile, cluster types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.profiles.add(profile, cluster)
	w.clusters.add(cluster, profile)
}

// Take returns the Clusters that wait for a profile, and ends their wait.
func (w *Waiters) Take(profile types.NamespacedName) []types.NamespacedName {
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting := w.profiles[profile].UnsortedList()
	delete(w.profiles, profile)
	for _, cluster := range waiting {
		w.clusters.remove(cluster, profile)
	}
	return waiting
}

// Forget ends every wait of a Cluster. A reconcile calls it before it reads anything: what it still waits for it adds again.
func (w *Waiters) Forget(cluster types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for profile := range w.clusters[cluster] {
		w.profiles.remove(profile, cluster)
	}
	delete(w.clusters, cluster)
}
