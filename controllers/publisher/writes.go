// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// KEP-4322: an object is written less than once in 30 seconds on average, with a burst of 10.
const (
	writeEvery = 30 * time.Second
	writeBurst = 10
)

// catchUp is how long the cache is given to show what we wrote. A profile that is deleted in the very moment never shows;
// then the judgement goes on without.
const catchUp = 5 * time.Second

// writes remembers, of each profile, what this process has written: how often, and what the cache must show before the next
// judgement, which would else repeat the last one and take its own work for somebody else's.
type writes struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	profiles map[types.NamespacedName]*written
}

type written struct {
	limiter *rate.Limiter
	// versions are the resourceVersions of the last two writes, the profile's and its status', the last one first.
	versions [2]string
	at       time.Time
	// awaited says that a judgement waits for the cache to show the last write.
	awaited bool
}

// limit takes one write of a profile; or returns after how long it may be written, having taken nothing.
func (w *writes) limit(key types.NamespacedName) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	reservation := w.of(key).limiter.ReserveN(now, 1)
	delay := reservation.DelayFrom(now)
	if delay > 0 {
		reservation.CancelAt(now)
	}
	return delay
}

// wrote notes the resourceVersion that a write has made.
func (w *writes) wrote(key types.NamespacedName, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.of(key)
	known.versions, known.at = [2]string{version, known.versions[0]}, w.clock.Now()
}

// echo reports whether an event shows nothing but a write of ours that nobody waits for: it has been judged already.
func (w *writes) echo(key types.NamespacedName, version string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.profiles[key]
	if known == nil || !slices.Contains(known.versions[:], version) {
		return false
	}
	awaited := known.awaited && version == known.versions[0]
	known.awaited = known.awaited && !awaited
	return !awaited
}

// behind is after how long to look again because the cache does not show the last write yet; zero where it does.
func (w *writes) behind(key types.NamespacedName, live *inventoryv1alpha1.ClusterProfile) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.profiles[key]
	if known == nil || known.versions[0] == "" {
		return 0
	}
	left := catchUp - w.clock.Since(known.at)
	if left <= 0 || live != nil && !olderThan(live.ResourceVersion, known.versions[0]) {
		known.awaited = false
		return 0
	}
	known.awaited = true
	return left
}

// forget drops what is known of a profile that is gone.
func (w *writes) forget(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.profiles, key)
}

func (w *writes) of(key types.NamespacedName) *written {
	known := w.profiles[key]
	if known == nil {
		known = &written{limiter: rate.NewLimiter(rate.Every(writeEvery), writeBurst)}
		w.profiles[key] = known
	}
	return known
}

func olderThan(version, other string) bool {
	order, err := resourceversion.CompareResourceVersion(version, other)
	return err == nil && order < 0
}
