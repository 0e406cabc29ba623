// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// lookupInterval is how often the Cluster of an unwatched profile is looked up at most.
const lookupInterval = time.Minute

// lookups limits how often the Cluster of an unwatched profile is looked up, by when that was done last and the Cluster existed.
type lookups struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	profiles map[types.NamespacedName]time.Time
}

func newLookups(clk clock.PassiveClock) *lookups {
	return &lookups{clock: clk, profiles: map[types.NamespacedName]time.Time{}}
}

// wait returns after how long the Cluster of a profile may be looked up again; zero for now.
func (l *lookups) wait(profile types.NamespacedName) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.profiles[profile]
	if !known {
		return 0
	}
	return max(0, lookupInterval-l.clock.Since(last))
}

// existed notes that the Cluster of a profile was looked up, and that it exists as far as can be known.
func (l *lookups) existed(profile types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.profiles[profile] = l.clock.Now()
}

// forget drops what is known of a profile that is gone.
func (l *lookups) forget(profile types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.profiles, profile)
}
