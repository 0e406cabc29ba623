// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// KEP-4322: an object is written less than once in 30 seconds on average, with a burst of 10.
const (
	writeInterval = 30 * time.Second
	writeBurst    = 10
)

// What must not wait, because consumers reach no spoke until it is written, has a budget of its own: the first ten writes at
// once, then one after each of a series of pauses that double. Only a conflict with another writer, or a kubeconfig that is edited
// in a loop, uses it up; it ends in a write every ten minutes. After half an hour without one, the budget is full again. Conflicts
// in a row are limited in the same way: a writer that always writes between the read and the write makes every attempt fail.
const (
	urgentBurst = 10
	minPause    = time.Second
	maxPause    = 10 * time.Minute
	calm        = 30 * time.Minute
)

// urgency is which budget a write is taken from.
type urgency int

const (
	// ordinary is every write that may wait.
	ordinary urgency = iota
	// urgent is a created profile, or a changed access.
	urgent
	// deletion is limited by conflicts alone.
	deletion
)

// budgets limits how often a profile is written. A budget outlives its profile, so that a client that deletes the profile again and
// again does not start a hot loop.
type budgets struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	profiles map[types.NamespacedName]*budget
	// sweepAt is how many budgets there are when the full ones are dropped the next time.
	sweepAt int
}

type budget struct {
	ordinary *rate.Limiter
	// urgent counts the urgent writes.
	urgent series
	// conflicts counts the conflicts since the last write that succeeded.
	conflicts series
	// version is the resourceVersion for which the last of these writes was.
	version string
}

// series counts what has happened since the last calm time, and when it happened last.
type series struct {
	count int
	last  time.Time
}

func (s *series) add(now time.Time) {
	if s.isCalm(now) {
		s.count = 0
	}
	s.count++
	s.last = now
}

func (s *series) isCalm(now time.Time) bool { return now.Sub(s.last) > calm }

// wait returns how long the next one has to wait; zero for not at all.
func (s *series) wait(now time.Time) time.Duration {
	over := s.count - urgentBurst
	if over < 0 || s.isCalm(now) {
		return 0
	}
	pause := minPause
	for ; over > 0 && pause < maxPause; over-- {
		pause *= 2
	}
	return max(0, min(pause, maxPause)-now.Sub(s.last))
}

func newBudgets(clk clock.PassiveClock) *budgets {
	return &budgets{clock: clk, profiles: map[types.NamespacedName]*budget{}, sweepAt: 1024}
}

// wait returns after how long a profile may be written or deleted, zero for now, and whether many conflicts in a row are the reason.
// It spends nothing.
func (b *budgets) wait(profile types.NamespacedName, how urgency) (after time.Duration, conflicts bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of, known := b.profiles[profile]
	if !known {
		return 0, false
	}
	now := b.clock.Now()
	if after := of.conflicts.wait(now); after > 0 {
		return after, true
	}
	switch how {
	case urgent:
		return of.urgent.wait(now), false
	case ordinary:
		return max(0, time.Duration((1-of.ordinary.TokensAt(now))*float64(writeInterval))), false
	}
	return 0, false
}

// spend notes a write that the API server has accepted, which ends a series of conflicts.
func (b *budgets) spend(profile types.NamespacedName, how urgency) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	of := b.of(profile, now)
	of.conflicts, of.version = series{}, ""
	if how == ordinary {
		of.ordinary.AllowN(now, 1)
		return
	}
	of.urgent.add(now)
}

// deleted notes a deletion that the API server has accepted, which ends a series of conflicts too, and spends nothing.
func (b *budgets) deleted(profile types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if of, known := b.profiles[profile]; known {
		of.conflicts, of.version = series{}, ""
	}
}

// conflict notes that the API server has refused a write for a resourceVersion as a conflict, and returns after how long the next one
// may be tried; zero for now. A second conflict for the same version is not counted: the cache is stale, and no other write has been
// made since.
func (b *budgets) conflict(profile types.NamespacedName, version string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	of := b.of(profile, now)
	if of.version != version {
		of.version = version
		of.conflicts.add(now)
	}
	return of.conflicts.wait(now)
}

// of returns the budget of a profile. It must be called with the lock held.
func (b *budgets) of(profile types.NamespacedName, now time.Time) *budget {
	of := b.profiles[profile]
	if of == nil {
		b.sweep(now)
		of = &budget{ordinary: rate.NewLimiter(rate.Every(writeInterval), writeBurst)}
		b.profiles[profile] = of
	}
	return of
}

// sweep drops the full budgets, whenever there are twice as many as the last time. It must be called with the lock held.
func (b *budgets) sweep(now time.Time) {
	if len(b.profiles) < b.sweepAt {
		return
	}
	for profile, of := range b.profiles {
		if of.urgent.isCalm(now) && of.conflicts.isCalm(now) && of.ordinary.TokensAt(now) >= writeBurst {
			delete(b.profiles, profile)
		}
	}
	b.sweepAt = max(b.sweepAt, 2*len(b.profiles))
}
