// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
)

// existsOnServer reports whether an Inventory exists although the snapshot lacks it. Nothing is deleted because of a cache alone.
func (r *Reconciler) existsOnServer(ctx context.Context, snapshot *source.Snapshot, inventory string) (bool, error) {
	if _, known := snapshot.Revisions[inventory]; known {
		return false, nil
	}
	live := &v1alpha1.Inventory{}
	switch err := r.APIReader.Get(ctx, types.NamespacedName{Name: inventory}, live); {
	case apierror.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking up the Inventory %q: %w", inventory, err)
	}
	return live.DeletionTimestamp.IsZero(), nil
}

// clusterUID returns the UID of a Cluster on the API server; empty if there is none.
func (r *Reconciler) clusterUID(ctx context.Context, key types.NamespacedName) (types.UID, error) {
	cluster := &clusterv1.Cluster{}
	if err := r.APIReader.Get(ctx, key, cluster); apierror.IsNotFound(err) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("looking up the Cluster: %w", err)
	}
	return cluster.UID, nil
}

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
