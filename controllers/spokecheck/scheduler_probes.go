// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/expiry"
)

// task is one probe or ping of a spoke.
type task struct {
	key     types.NamespacedName
	spoke   *trackedSpoke
	profile *inventoryv1alpha1.ClusterProfile
	tenant  tenant
	queue   health
}

// run probes or pings a spoke, schedules the next probe, and releases the slot.
func (s *scheduler) run(ctx, probing context.Context, t *task) {
	r := &result{at: s.clock.Now()}
	if t.queue == silent {
		r.Result = s.checker.Ping(probing, t.profile)
	} else {
		r.Result = s.checker.Check(probing, t.profile)
	}
	if s.finish(probing, t, r) {
		s.publish(ctx, t.key, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[t.queue].release(t.tenant)
	s.dispatch(ctx)
}

// finish records a result, and reports whether it counts. The result of a cancelled probe does not; a ping that was answered only
// means that the spoke is worth a probe again.
func (s *scheduler) finish(probing context.Context, t *task, r *result) (counts bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tracked, now := t.spoke, s.clock.Now()
	cancelled := probing.Err() != nil
	tracked.cancel()
	tracked.cancel = nil
	repeat := tracked.repeat
	tracked.repeat = false
	answered := t.queue == silent && !noAnswer(r.Reason())
	switch {
	case s.spokes[t.key] != tracked:
		// It may have cached a credential after the spoke was forgotten.
		s.checker.Forget(t.key)
		return false
	case cancelled, answered:
		if answered {
			tracked.health = failing
		}
		tracked.due = now
		s.due.Add(t.key)
		return false
	}
	tracked.record(r)
	if t.queue != silent {
		tracked.pingUntil = now.Add(s.pace.pingPeriod(now.Sub(r.at) < fastFailure))
	}
	if !sameAccess(t.profile, tracked.profile) {
		// It was not cancelled, because the access changes too often.
		tracked.forgetAccess()
	}
	delay := s.pace.delay(tracked.failures)
	if repeat {
		delay = 0
	}
	tracked.due = now.Add(delay)
	r.next = tracked.due
	s.due.AddAfter(t.key, delay)
	return true
}

// record updates the state of a spoke by a result, and adds to the result what is known from earlier ones. The caller must hold
// the scheduler's lock.
func (t *trackedSpoke) record(r *result) {
	if r.Reachable() && r.Doubt != nil && t.clusterID == spoke.ClusterID(t.profile) {
		// The manager does mean the UID of kube-system: it was the right one before.
		r.Failure = r.Doubt
	}
	if r.Reachable() && r.ClusterID != "" {
		t.clusterID = r.ClusterID
	}
	r.ClusterID = t.clusterID
	if r.Server != t.server {
		t.server, t.expiries = r.Server, expiry.Tracker{}
	}
	r.expirations = t.expiries.Learn(r.at, r.Expirations, r.Reachable())
	switch reason := r.Reason(); {
	case r.Reachable():
		t.health, t.failures = healthy, 0
	case needsPlugin(reason):
		t.health = failing
		t.failures++
	default:
		t.health, t.failures = healthOf(reason), 0
	}
	t.last = r
}

// publish enqueues the profile of a spoke that has a new result.
func (s *scheduler) publish(ctx context.Context, key types.NamespacedName, r *result) {
	s.metrics.observe(&r.Result)
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Namespace, profile.Name = key.Namespace, key.Name
	select {
	case s.results <- event.GenericEvent{Object: profile}:
	case <-ctx.Done():
	}
}
