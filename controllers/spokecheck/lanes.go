// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

// Start implements manager.Runnable. It returns when every probe has ended.
func (r *scheduler) Start(ctx context.Context) error {
	stop := context.AfterFunc(ctx, r.due.ShutDown)
	defer stop()
	for {
		key, shutdown := r.due.Get()
		if shutdown {
			break
		}
		r.arrive(ctx, key)
		r.due.Done(key)
	}
	r.running.Wait()
	return nil
}

// arrive makes a spoke wait for its turn. It does nothing for one that is gone, waits or is being probed already, and puts off
// one that is not due yet: it was woken by a time that no longer holds.
func (r *scheduler) arrive(ctx context.Context, key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.spokes[key]
	if s == nil || s.breakOff != nil || s.waits != nil {
		return
	}
	if early := s.due.Sub(r.clock.Now()); early > 0 {
		r.due.AddAfter(key, early)
		return
	}
	if s.standing == unseen && r.clock.Now().After(s.believe) {
		s.standing = failing
	}
	s.waits = &waits{lane: s.standing, who: tenantOf(s.profile)}
	r.lanes[s.standing].join(s.waits.who, key)
	r.dispatch(ctx)
}

// dispatch starts the probes of all spokes that there is a place for. It must be called with the lock held.
func (r *scheduler) dispatch(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	for lane := range r.lanes {
		for who, key, ok := r.lanes[lane].next(); ok; who, key, ok = r.lanes[lane].next() {
			s := r.spokes[key]
			s.waits = nil
			probing, breakOff := context.WithCancel(ctx)
			s.breakOff = breakOff
			turn := &turn{key: key, spoke: s, profile: s.profile, who: who, lane: standing(lane)}
			r.running.Go(func() { r.take(ctx, probing, turn) })
		}
	}
}

// turn is one probe of a spoke, or one look at it.
type turn struct {
	key     types.NamespacedName
	spoke   *trackedSpoke
	profile *inventoryv1alpha1.ClusterProfile
	who     tenant
	lane    standing
}

// take observes a spoke, plans the next time, and gives the place to the next one.
func (r *scheduler) take(ctx, probing context.Context, t *turn) {
	seen := &result{at: r.clock.Now()}
	if t.lane == unseen {
		seen.Result = r.observer.Ping(probing, t.profile)
	} else {
		seen.Result = r.observer.Check(probing, t.profile)
	}
	if r.end(probing, t, seen) {
		r.announce(ctx, t.key, seen)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lanes[t.lane].leave(t.who)
	r.dispatch(ctx)
}

// end takes down a sighting, and says whether it counts. A probe that was broken off saw nothing; a look at something that
// answers says no more than that a probe is worth its price again.
func (r *scheduler) end(probing context.Context, t *turn, seen *result) (counts bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, now := t.spoke, r.clock.Now()
	broken := probing.Err() != nil
	s.breakOff()
	s.breakOff = nil
	again := s.again
	s.again = false
	answers := t.lane == unseen && !dark(seen.Reason())
	switch {
	case r.spokes[t.key] != s:
		// It may have left a credential behind since it was forgotten.
		r.observer.Forget(t.key)
		return false
	case broken, answers:
		if answers {
			s.standing = failing
		}
		s.due = now
		r.due.Add(t.key)
		return false
	}
	s.takeDown(seen)
	if t.lane != unseen {
		s.believe = now.Add(r.pace.believed(now.Sub(seen.at) < quick))
	}
	pause := r.pace.pause(s.failures)
	if again {
		pause = 0
	}
	s.due = now.Add(pause)
	seen.next = s.due
	r.due.AddAfter(t.key, pause)
	return true
}

// takeDown brings what is known of a spoke up to date, and completes the sighting by it. It must be called with the lock held.
func (s *trackedSpoke) takeDown(seen *result) {
	if seen.Reachable() && seen.Doubt != nil && s.clusterID == spoke.ClusterID(s.profile) {
		// The UID of kube-system is what the manager means: it was the right one before.
		seen.Failure = seen.Doubt
	}
	if seen.Reachable() && seen.ClusterID != "" {
		s.clusterID = seen.ClusterID
	}
	seen.ClusterID = s.clusterID
	seen.ends = s.expiries.Learn(seen.at, seen.Expirations, seen.Reachable())
	switch reason := seen.Reason(); {
	case seen.Reachable():
		s.standing, s.failures = working, 0
	case costly(reason):
		s.standing = failing
		s.failures++
	default:
		s.standing, s.failures = standingOf(reason), 0
	}
	s.last = seen
}

// announce wakes the reconciliation of a profile whose spoke has been seen.
func (r *scheduler) announce(ctx context.Context, key types.NamespacedName, seen *result) {
	r.metrics.probed(&seen.Result)
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Namespace, profile.Name = key.Namespace, key.Name
	select {
	case r.news <- event.GenericEvent{Object: profile}:
	case <-ctx.Done():
	}
}
