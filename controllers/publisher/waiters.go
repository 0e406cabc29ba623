// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// waiters holds the Clusters that wait for something to happen to a profile: that another Cluster or manager gives its name up,
// that the cache shows what was written, that a replacement is there. The profile's own labels do not name them.
type waiters struct {
	mu       sync.Mutex
	profiles map[types.NamespacedName]map[types.NamespacedName]struct{}
}

func newWaiters() *waiters {
	return &waiters{profiles: map[types.NamespacedName]map[types.NamespacedName]struct{}{}}
}

// add notes that a Cluster waits for the next event of a profile. To miss none, look at the profile after this call.
func (w *waiters) add(profile, cluster types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.profiles[profile] == nil {
		w.profiles[profile] = map[types.NamespacedName]struct{}{}
	}
	w.profiles[profile][cluster] = struct{}{}
}

// take returns the Clusters that wait for a profile, which wait no longer.
func (w *waiters) take(profile types.NamespacedName) []types.NamespacedName {
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting := w.profiles[profile]
	delete(w.profiles, profile)
	return slices.Collect(maps.Keys(waiting))
}
