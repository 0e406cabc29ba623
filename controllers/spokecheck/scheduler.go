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

// Checker dials spokes.
type Checker interface {
	// Check is called once at a time for each spoke, and for many spokes at once. It returns soon after ctx has ended; its
	// result is then dropped.
	Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result
	// Ping is like Check, but runs no plugin, and fails only if nothing answers as it should.
	Ping(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result
	// Forget drops what is cached for a spoke whose profile is gone. It returns at once.
	Forget(spoke types.NamespacedName)
}

var _ Checker = (*spoke.Checker)(nil)

// result is the result of a check or a ping, and its time.
type result struct {
	spoke.Result
	at time.Time
	// next is when the spoke will be probed again, unless its profile changes before.
	next time.Time
	// expirations are the ones to report.
	expirations []v1alpha1.Expiration
}

// scheduler decides when each spoke is probed. No spoke delays another one:
//
//	a spoke ...                                     | is probed
//	------------------------------------------------|----------------------------------------------------------
//	that is new                                     | at once
//	whose access has changed                        | at once; a probe of the old access is cancelled, within the limit below
//	whose health or version has changed             | at once
//	that is reachable                               | every interval, plus or minus the jitter
//	that does not answer as it should (noAnswer)    | likewise, by a ping, which runs no plugin; by a probe as soon as
//	                                                | something answers
//	whose plugin fails, or whose credentials are    | likewise; from the fourth failure on less and less often
//	refused (needsPlugin)                           |
//
// "At once" holds for a few changes of a profile; further ones wait until an interval has passed.
//
// Spokes that may hang do not delay spokes that work: there is a queue for spokes that were reachable the last time, one for those
// that failed, and one for pings. Each queue shares its slots among the tenants. With a concurrency of n, the first queue has 2n slots
// and the second n, so that at most 3n plugins run, and the third 8n: a ping is cheap, and waits most of the time.
type scheduler struct {
	checker Checker
	pace    pace
	clock   clock.WithTicker
	metrics *metrics
	// results has an event for every result, with the name of the profile.
	results chan event.GenericEvent

	// due returns the names of spokes that may be due.
	due     workqueue.TypedDelayingInterface[types.NamespacedName]
	running sync.WaitGroup

	mu     sync.Mutex
	spokes map[types.NamespacedName]*trackedSpoke
	queues [3]*queue
}

// health is what the last probe of a spoke means for the next one. It is the index of the queue that the spoke waits in.
type health int

const (
	healthy health = iota
	failing
	// silent spokes are pinged.
	silent
)

// trackedSpoke is the state of one spoke. Its fields are guarded by the scheduler's lock.
type trackedSpoke struct {
	profile *inventoryv1alpha1.ClusterProfile
	health  health
	due     time.Time
	// queued is where it waits for a slot; nil if it does not wait.
	queued *position
	// cancel ends the probe that is running; nil if none is.
	cancel context.CancelFunc
	// repeat is set if the profile changed while the spoke was being probed.
	repeat bool
	// triggers limits how often changes of the profile cause a probe.
	triggers *rate.Limiter
	// promoted is when a changed access last moved the spoke to the healthy queue.
	promoted time.Time
	// pingUntil is until when a silent spoke is pinged; the next time after that it is probed.
	pingUntil time.Time
	// failures is how many probes in a row failed in a way that needs the plugin to recover.
	failures int
	last     *result
	// notified is the time of the last result that Events were written for.
	notified time.Time
	// server is the one that was dialed last, and whose certificates and tokens expire.
	server   string
	expiries expiry.Tracker
	// clusterID is the UID of kube-system when the spoke was last reachable.
	clusterID string
}

// position is where a spoke waits for a slot.
type position struct {
	queue  health
	tenant tenant
}

func newScheduler(checker Checker, pace pace, concurrency int, clk clock.WithTicker) *scheduler {
	return &scheduler{
		checker: checker,
		pace:    pace,
		clock:   clk,
		metrics: newMetrics(),
		results: make(chan event.GenericEvent, concurrency),
		due:     workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[types.NamespacedName]{Clock: clk}),
		spokes:  map[types.NamespacedName]*trackedSpoke{},
		queues: [3]*queue{
			healthy: newQueue(2 * concurrency),
			failing: newQueue(concurrency),
			silent:  newQueue(8 * concurrency),
		},
	}
}

// track adds a profile's spoke, or triggers a probe if the profile has changed in a way that matters. It is called at every
// reconcile. before is what was last reported of the spoke of this very profile.
func (s *scheduler) track(profile *inventoryv1alpha1.ClusterProfile, before v1alpha1.SpokeCheckStatus) {
	key := client.ObjectKeyFromObject(profile)
	s.mu.Lock()
	defer s.mu.Unlock()
	tracked := s.spokes[key]
	if tracked != nil && tracked.profile.UID != profile.UID {
		s.drop(key, tracked)
		tracked = nil
	}
	if tracked == nil {
		tracked = s.newSpoke(before)
		tracked.profile = profile.DeepCopy()
		s.spokes[key] = tracked
		s.due.Add(key)
		return
	}
	old := tracked.profile
	tracked.profile = profile.DeepCopy()
	if moved := !sameAccess(old, profile); moved || !sameHealth(old, profile) {
		s.trigger(key, tracked, moved)
	}
}

func (s *scheduler) newSpoke(before v1alpha1.SpokeCheckStatus) *trackedSpoke {
	now := s.clock.Now()
	tracked := &trackedSpoke{
		due:       now,
		triggers:  s.pace.limiter(),
		server:    before.Server,
		expiries:  expiry.Restore(before.Expirations, now),
		clusterID: before.ClusterID,
	}
	if reason := reachable(before).Reason; reason != "" && reason != v1alpha1.ReasonReachable {
		tracked.health, tracked.pingUntil = healthOf(reason), now.Add(s.pace.pingPeriod(true))
	}
	return tracked
}

// forget stops probing a spoke.
func (s *scheduler) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tracked := s.spokes[key]; tracked != nil {
		delete(s.spokes, key)
		s.drop(key, tracked)
	}
}

// drop cancels what runs and drops what is cached for a spoke whose profile is gone. The caller must hold mu.
func (s *scheduler) drop(key types.NamespacedName, tracked *trackedSpoke) {
	if tracked.cancel != nil {
		tracked.cancel()
	}
	s.dequeue(key, tracked)
	s.checker.Forget(key)
}

// dequeue removes a spoke from the queue that it waits in. The caller must hold mu.
func (s *scheduler) dequeue(key types.NamespacedName, tracked *trackedSpoke) {
	if tracked.queued != nil {
		s.queues[tracked.queued.queue].remove(tracked.queued.tenant, key)
		tracked.queued = nil
	}
}

// latest returns the last result of a spoke.
func (s *scheduler) latest(key types.NamespacedName) (result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tracked := s.spokes[key]; tracked != nil && tracked.last != nil {
		return *tracked.last, true
	}
	return result{}, false
}

// markNotified reports whether Events are still to be written for a result: once, however often its report is written.
func (s *scheduler) markNotified(key types.NamespacedName, r result) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	tracked := s.spokes[key]
	if tracked == nil || tracked.notified.Equal(r.at) {
		return false
	}
	tracked.notified = r.at
	return true
}

// healthOf returns the health of a spoke that failed with a reason.
func healthOf(reason string) health {
	if noAnswer(reason) {
		return silent
	}
	return failing
}
