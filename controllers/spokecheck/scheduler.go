// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/expiry"
)

// Observer dials spokes.
type Checker interface {
	// Observe is called for one spoke at a time, and for many spokes at once. It returns soon after ctx has ended; its
	// observation is then dropped.
	Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result
	// Look is as Observe, but runs no plugin, and fails only where nothing answers as it should.
	Ping(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result
	// Forget drops what is kept for a spoke whose profile is gone. It returns at once.
	Forget(spoke types.NamespacedName)
}

var _ Checker = (*spoke.Checker)(nil)

// sighting is an observation and its time.
type result struct {
	spoke.Result
	at time.Time
	// next is when the spoke will be probed again, unless its profile changes before.
	next time.Time
	// ends are the expirations to report.
	ends []v1alpha1.Expiration
}

// rounds decides when each spoke is probed, and lets no spoke hold up another one:
//
//	a spoke ...                                  | is probed
//	---------------------------------------------|-------------------------------------------------------------
//	that is new                                  | at once
//	whose access has changed                     | at once; a probe of the old access is broken off
//	whose health or version has changed          | at once
//	that works                                   | every interval, give or take the jitter
//	that does not answer as it should (dark)     | likewise, by a look, which runs no plugin; as soon as something
//	                                             | answers, by a probe
//	whose plugin fails, or gives what is refused | likewise; from the fourth failure on less and less often
//
// "At once" holds for a few changes of a profile; further ones wait until an interval has passed.
//
// Those who may hang do not stand in the way of those who work: there is a lane for spokes that worked the last time, one for
// those that failed, and one for looks. Within each, turns shares the places out among the tenants. With n workers, the first
// has 2n places, the second n, so that at most 3n plugins run, and the third 8n: a look is cheap, and waits most of the time.
type scheduler struct {
	observer Checker
	pace     pace
	clock    clock.WithTicker
	metrics  *metrics
	// news tells of every sighting; the spokes' names are those of their profiles.
	news chan event.GenericEvent

	// due gives out the names of spokes that may be due.
	due     workqueue.TypedDelayingInterface[types.NamespacedName]
	running sync.WaitGroup

	mu     sync.Mutex
	spokes map[types.NamespacedName]*trackedSpoke
	lanes  [3]*queue
}

// standing is what a spoke's last probe says of the next one. It is the lane that the spoke waits in.
type standing int

const (
	working standing = iota
	failing
	unseen
)

// trackedSpoke is what the rounds know of a spoke. Its fields are guarded by the rounds' lock.
type trackedSpoke struct {
	profile  *inventoryv1alpha1.ClusterProfile
	standing standing
	due      time.Time
	// waits is where it waits for its turn; nil where it does not.
	waits *waits
	// breakOff ends the probe that is running; nil where none is.
	breakOff context.CancelFunc
	// again says that news of the spoke came while it was being probed.
	again bool
	// wakes limits what changes of the profile can cause.
	wakes *rate.Limiter
	// trusted is when a changed access was last taken for a reason to expect a spoke to work.
	trusted time.Time
	// believe is until when a look that fails is taken for a probe that would.
	believe  time.Time
	failures int
	last     *result
	told     time.Time
	expiries expiry.Tracker
	// clusterID is the UID of kube-system when the spoke was last reachable.
	clusterID string
}

// waits is a place in a line.
type waits struct {
	lane standing
	who  tenant
}

func newScheduler(observer Checker, pace pace, workers int, clock clock.WithTicker, metrics *metrics) *scheduler {
	return &scheduler{
		observer: observer,
		pace:     pace,
		clock:    clock,
		metrics:  metrics,
		news:     make(chan event.GenericEvent, workers),
		due:      workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[types.NamespacedName]{Clock: clock}),
		spokes:   map[types.NamespacedName]*trackedSpoke{},
		lanes:    [3]*queue{working: newQueue(2 * workers), failing: newQueue(workers), unseen: newQueue(8 * workers)},
	}
}

// follow makes a profile's spoke part of the rounds, and wakes it where the profile says something new. It is called at every
// reconciliation. before is what was last reported of the spoke of this very profile.
func (r *scheduler) track(profile *inventoryv1alpha1.ClusterProfile, before v1alpha1.SpokeCheckStatus) {
	key := client.ObjectKeyFromObject(profile)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.spokes[key]
	if s != nil && s.profile.UID != profile.UID {
		r.drop(key, s)
		s = nil
	}
	if s == nil {
		s = r.newSpoke(before)
		s.profile = profile.DeepCopy()
		r.spokes[key] = s
		r.due.Add(key)
		return
	}
	old := s.profile
	s.profile = profile.DeepCopy()
	if moved := !sameWay(old, profile); moved || !sameHealth(old, profile) {
		r.wake(key, s, moved)
	}
}

func (r *scheduler) newSpoke(before v1alpha1.SpokeCheckStatus) *trackedSpoke {
	now := r.clock.Now()
	s := &trackedSpoke{due: now, wakes: r.pace.limiter(), expiries: expiry.Restore(before.Expirations, now), clusterID: before.ClusterID}
	if reason := reachable(before).Reason; reason != "" && reason != v1alpha1.ReasonReachable {
		s.standing, s.believe = standingOf(reason), now.Add(r.pace.believed(true))
	}
	return s
}

// forget takes a spoke out of the rounds.
func (r *scheduler) forget(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.spokes[key]; s != nil {
		delete(r.spokes, key)
		r.drop(key, s)
	}
}

// abandon ends what runs and drops what is kept for a spoke whose profile is gone. It must be called with the lock held.
func (r *scheduler) drop(key types.NamespacedName, s *trackedSpoke) {
	if s.breakOff != nil {
		s.breakOff()
	}
	r.unqueue(key, s)
	r.observer.Forget(key)
}

// unqueue takes a spoke out of the line that it waits in. It must be called with the lock held.
func (r *scheduler) unqueue(key types.NamespacedName, s *trackedSpoke) {
	if s.waits != nil {
		r.lanes[s.waits.lane].quit(s.waits.who, key)
		s.waits = nil
	}
}

// latest is what was last seen of a spoke.
func (r *scheduler) latest(key types.NamespacedName) (result, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.spokes[key]; s != nil && s.last != nil {
		return *s.last, true
	}
	return result{}, false
}

// tell says whether a sighting is to be told as an Event: once, however often its report is written.
func (r *scheduler) notify(key types.NamespacedName, seen result) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.spokes[key]
	if s == nil || s.told.Equal(seen.at) {
		return false
	}
	s.told = seen.at
	return true
}

// standingOf is the standing of a spoke that failed for a reason.
func standingOf(reason string) standing {
	if dark(reason) {
		return unseen
	}
	return failing
}
