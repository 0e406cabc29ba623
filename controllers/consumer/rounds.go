// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/internal/observe"
)

// Observer dials spokes.
type Observer interface {
	// Observe is called for one spoke at a time, and for many spokes at once. It returns soon after ctx has ended; its
	// observation is then dropped.
	Observe(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) observe.Observation
	// Forget drops what is kept for a spoke whose profile is gone. It returns at once.
	Forget(spoke types.NamespacedName)
}

var _ Observer = (*observe.Observer)(nil)

const (
	// longestPatience is how long a probe may keep a place among the quick ones; a tenth of a short interval is less.
	longestPatience = time.Second
	// jitter spreads the probes of spokes that became known at the same time, as a share of the interval either way.
	jitter = 0.1
	// After steadfast failures in a row, the time to the next probe doubles with each one more, up to longest intervals.
	steadfast = 3
	longest   = 10
)

// sighting is an observation and its time.
type sighting struct {
	observe.Observation
	at time.Time
}

// rounds decides when each spoke is probed, and lets no spoke hold up another one:
//
//	a spoke ...                                   | is probed
//	----------------------------------------------|------------------------------------------------------------
//	that is new, or whose access has changed      | at once; a probe of the old access is broken off
//	that is new and was unreachable for the last  | at once, in the lane for those who hang
//	consumer that ran here                        |
//	that works                                    | every interval, give or take the jitter
//	that failed                                   | likewise; from the fourth failure on less and less often
//	whose last probe took longer than patience    | in a lane of its own, so that those who hang queue up behind each other
//	whose probe takes longer than patience        | to its end, but its place goes to the next in the lane
//
// So with n workers up to n probes are quick, n are known to be slow, and n have just turned out to be: 3n in all.
type rounds struct {
	observer Observer
	interval time.Duration
	patience time.Duration
	workers  int
	clock    clock.WithTicker
	metrics  *metrics
	// news tells of every sighting; the spokes' names are those of their profiles.
	news chan event.GenericEvent

	quick, slow workqueue.TypedDelayingInterface[types.NamespacedName]
	// lingering has a place for each quick probe that outstays its place.
	lingering chan struct{}

	mu     sync.Mutex
	spokes map[types.NamespacedName]*spoke
}

// spoke is what the rounds know of a spoke. Its fields are guarded by the rounds' lock.
type spoke struct {
	profile *inventoryv1alpha1.ClusterProfile
	due     time.Time
	// breakOff ends the probe that is running; nil where none is.
	breakOff context.CancelFunc
	// slow says that the last probe took longer than patience.
	slow     bool
	failures int
	last     *sighting
	told     time.Time
}

func newRounds(observer Observer, interval time.Duration, workers int, clock clock.WithTicker, metrics *metrics) *rounds {
	lane := func() workqueue.TypedDelayingInterface[types.NamespacedName] {
		return workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[types.NamespacedName]{Clock: clock})
	}
	return &rounds{
		observer:  observer,
		interval:  interval,
		patience:  min(longestPatience, interval/10),
		workers:   workers,
		clock:     clock,
		metrics:   metrics,
		news:      make(chan event.GenericEvent, workers),
		quick:     lane(),
		slow:      lane(),
		lingering: make(chan struct{}, workers),
		spokes:    map[types.NamespacedName]*spoke{},
	}
}

// follow makes a profile's spoke part of the rounds. It is called at every reconciliation and does nothing where the way
// into the spoke is the same as before. suspect says that the spoke was not reachable when it was last reported on.
func (r *rounds) follow(profile *inventoryv1alpha1.ClusterProfile, suspect bool) {
	key := client.ObjectKeyFromObject(profile)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.spokes[key]
	switch {
	case s == nil:
		s = &spoke{slow: suspect}
		r.spokes[key] = s
	case s.profile.UID != profile.UID:
		r.abandon(key, s)
		s = &spoke{}
		r.spokes[key] = s
	case sameWay(s.profile, profile):
		return
	default:
		s.stop()
		// What made it slow may have been the old access; news must not queue up behind those who hang.
		s.slow = false
	}
	s.profile = profile.DeepCopy()
	s.failures = 0
	s.due = r.clock.Now()
	r.lane(s).Add(key)
}

// sameWay says whether two states of a profile lead to its spoke in the same way, and to the same spoke.
func sameWay(a, b *inventoryv1alpha1.ClusterProfile) bool {
	return apiequality.Semantic.DeepEqual(a.Status.AccessProviders, b.Status.AccessProviders) &&
		apiequality.Semantic.DeepEqual(a.Status.CredentialProviders, b.Status.CredentialProviders) &&
		observe.ClusterID(a) == observe.ClusterID(b)
}

// forget takes a spoke out of the rounds.
func (r *rounds) forget(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.spokes[key]; s != nil {
		delete(r.spokes, key)
		r.abandon(key, s)
	}
}

// abandon ends what runs and drops what is kept for a spoke whose profile is gone. It must be called with the lock held.
func (r *rounds) abandon(key types.NamespacedName, s *spoke) {
	s.stop()
	r.observer.Forget(key)
}

// stop breaks off the probe that is running, if one is.
func (s *spoke) stop() {
	if s.breakOff != nil {
		s.breakOff()
	}
}

// latest is what was last seen of a spoke.
func (r *rounds) latest(key types.NamespacedName) (sighting, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.spokes[key]; s != nil && s.last != nil {
		return *s.last, true
	}
	return sighting{}, false
}

// tell says whether a sighting is to be told as an Event: once, however often its report is written.
func (r *rounds) tell(key types.NamespacedName, seen sighting) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.spokes[key]
	if s == nil || s.told.Equal(seen.at) {
		return false
	}
	s.told = seen.at
	return true
}

// begin marks a spoke as being probed, and returns nil for one that is not to be probed now: it is gone, is being probed
// already, or was woken by a time that has since been put off.
func (r *rounds) begin(ctx context.Context, key types.NamespacedName) (*spoke, context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.spokes[key]
	if s == nil || s.breakOff != nil || ctx.Err() != nil {
		return nil, nil
	}
	if early := s.due.Sub(r.clock.Now()); early > 0 {
		r.lane(s).AddAfter(key, early)
		return nil, nil
	}
	ctx, s.breakOff = context.WithCancel(ctx)
	return s, ctx
}

// end takes down a sighting, and says whether it counts. A probe that was broken off saw nothing.
func (r *rounds) end(ctx context.Context, key types.NamespacedName, s *spoke, seen sighting) (counts bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	broken := ctx.Err() != nil
	s.breakOff()
	s.breakOff = nil
	switch {
	case r.spokes[key] != s:
		// It may have left a credential behind since it was forgotten.
		r.observer.Forget(key)
		return false
	case broken:
		r.lane(s).Add(key)
		return false
	}
	s.last = &seen
	if s.failures++; seen.Reachable() {
		s.failures = 0
	}
	s.slow = r.clock.Since(seen.at) > r.patience
	delay := pause(r.interval, s.failures)
	s.due = r.clock.Now().Add(delay)
	r.lane(s).AddAfter(key, delay)
	return true
}

func (r *rounds) lane(s *spoke) workqueue.TypedDelayingInterface[types.NamespacedName] {
	if s.slow {
		return r.slow
	}
	return r.quick
}

// pause is the time until the next probe of a spoke that has failed so many times in a row.
func pause(interval time.Duration, failures int) time.Duration {
	next := interval
	for range failures - steadfast {
		if next *= 2; next >= longest*interval {
			next = longest * interval
			break
		}
	}
	return next + time.Duration((2*rand.Float64()-1)*jitter*float64(next))
}
