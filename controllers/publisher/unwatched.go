// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// unwatched deals with the profiles of a Cluster outside the scope, published when the scope was another one. They stay as they
// are, and that is reported; but they go with their Inventory and with their Cluster, so that neither is ever stuck. cached is the
// Cluster where the cache has it, because only the watch filter excludes it; nil otherwise.
func (r *Reconciler) unwatched(ctx context.Context, view *view, name types.NamespacedName, cached *clusterv1.Cluster) (ctrl.Result, error) {
	r.arrivals.take(name)
	result := r.forOwn(view, name, func(live *profile.Live) (outcome, error) {
		if !live.DeletionTimestamp.IsZero() {
			// Nothing is left to decide: remove reports where a finalizer holds it.
			return r.remove(ctx, live, nil)
		}
		over, wait, err := r.over(ctx, view, live, cached)
		switch {
		case err != nil:
			return outcome{}, err
		case over:
			return r.remove(ctx, live, nil)
		}
		return outcome{problems: []profile.Problem{notWatched(client.ObjectKeyFromObject(live), name)}, again: wait}, nil
	})
	problems, wait, err := result.result()
	r.ledger.outside(name, problems)
	r.secrets.forget(name)
	if err := r.objects.keepOnly(ctx, name); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: wait}, err
}

// over reports whether a profile outlived its Inventory or its Cluster; where that is not looked up now, also when to look again.
// That its Cluster exists is read from the cache where the cache has it. Where it does not, only the API server knows, because nothing
// watches Clusters there: it is asked once a minute at most, however often the profile changes.
func (r *Reconciler) over(ctx context.Context, view *view, live *profile.Live, cached *clusterv1.Cluster) (bool, time.Duration, error) {
	cluster, inventory, _ := live.Source()
	if _, known := view.versions[inventory]; !known {
		exists, err := r.hidden(ctx, view, inventory)
		return !exists, 0, err
	}
	if cached != nil && !outlived(live, cached.UID) {
		return false, 0, nil
	}
	key := client.ObjectKeyFromObject(live)
	if wait := r.lookups.wait(key); wait > 0 {
		return false, wait, nil
	}
	uid, err := r.liveUID(ctx, cluster)
	if err == nil && outlived(live, uid) {
		return true, 0, nil
	}
	// The publisher may not be allowed to read Clusters outside its namespaces: one that cannot be read is taken to exist.
	r.lookups.existed(key)
	return false, 0, nil //nolint:nilerr // as said above
}

// lookUpEvery is how often the Cluster of an unwatched profile is looked up at most.
const lookUpEvery = time.Minute

// lookups remembers when the Cluster of an unwatched profile was last looked up, and existed.
type lookups struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	profiles map[types.NamespacedName]time.Time
}

func newLookups(clock clock.PassiveClock) *lookups {
	return &lookups{clock: clock, profiles: map[types.NamespacedName]time.Time{}}
}

// wait returns after how long the Cluster of a profile may be looked up again; zero for now.
func (l *lookups) wait(profile types.NamespacedName) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.profiles[profile]
	if !known {
		return 0
	}
	return max(0, lookUpEvery-l.clock.Since(last))
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
