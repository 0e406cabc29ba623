// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// KEP-4322: an object is written less than once in 30 seconds on average, with a burst of 10.
const (
	writeEvery = 30 * time.Second
	writeBurst = 10
)

// What must not wait, because consumers reach no spoke until it is written, has a budget of its own: the first ten writes at
// once, then one after pauses that double. Only a fight with another writer, or a kubeconfig that is edited in a loop, gets
// that far; it ends in a write every ten minutes. After half an hour without one, the budget is whole again.
const (
	urgentBurst = 10
	firstPause  = time.Second
	lastPause   = 10 * time.Minute
	calm        = 30 * time.Minute
)

// urgency says which budget a write is paid from.
type urgency int

const (
	// ordinary is every write that may wait.
	ordinary urgency = iota
	// urgent is a created profile, or a changed access.
	urgent
)

// budgets limits how often a profile is written. A budget outlives its profile, so that whoever deletes it again and again
// starts no hot loop.
type budgets struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	profiles map[types.NamespacedName]*budget
	// sweepAt is how many budgets there are when the whole ones are dropped the next time.
	sweepAt int
}

type budget struct {
	ordinary *rate.Limiter
	// urgent is how many urgent writes there were since it was calm, and when the last one was.
	urgent int
	last   time.Time
}

func newBudgets(clock clock.PassiveClock) *budgets {
	return &budgets{clock: clock, profiles: map[types.NamespacedName]*budget{}, sweepAt: 1024}
}

// wait returns after how long a profile may be written; zero for now. It spends nothing.
func (b *budgets) wait(profile types.NamespacedName, how urgency) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	of, known := b.profiles[profile]
	now := b.clock.Now()
	switch {
	case !known:
		return 0
	case how == urgent:
		return max(0, of.pause(now)-now.Sub(of.last))
	}
	if missing := 1 - of.ordinary.TokensAt(now); missing > 0 {
		return time.Duration(missing * float64(writeEvery))
	}
	return 0
}

// spend notes a write that the API server has accepted.
func (b *budgets) spend(profile types.NamespacedName, how urgency) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	of := b.profiles[profile]
	if of == nil {
		b.sweep(now)
		of = &budget{ordinary: rate.NewLimiter(rate.Every(writeEvery), writeBurst)}
		b.profiles[profile] = of
	}
	if how == ordinary {
		of.ordinary.AllowN(now, 1)
		return
	}
	if now.Sub(of.last) > calm {
		of.urgent = 0
	}
	of.urgent++
	of.last = now
}

// pause is how long after the last urgent write the next one may be.
func (b *budget) pause(now time.Time) time.Duration {
	over := b.urgent - urgentBurst
	if over < 0 || now.Sub(b.last) > calm {
		return 0
	}
	pause := firstPause
	for ; over > 0 && pause < lastPause; over-- {
		pause *= 2
	}
	return min(pause, lastPause)
}

// sweep drops the budgets of which nothing is spent any more, whenever there are twice as many as the last time.
func (b *budgets) sweep(now time.Time) {
	if len(b.profiles) < b.sweepAt {
		return
	}
	for profile, of := range b.profiles {
		if now.Sub(of.last) > calm && of.ordinary.TokensAt(now) >= writeBurst {
			delete(b.profiles, profile)
		}
	}
	b.sweepAt = max(b.sweepAt, 2*len(b.profiles))
}
