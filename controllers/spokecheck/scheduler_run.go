// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
)

// Start implements manager.Runnable. It returns when every probe has ended.
func (s *scheduler) Start(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.due.ShutDown)
	defer stop()
	for {
		key, shutdown := s.due.Get()
		if shutdown {
			break
		}
		s.enqueue(ctx, key)
		s.due.Done(key)
	}
	s.running.Wait()
	return nil
}

// enqueue makes a spoke wait for a slot. It does nothing for one that is gone, waits or is being probed already, and delays one
// that is not due yet: its due time was changed after it had been added to the delaying queue.
func (s *scheduler) enqueue(ctx context.Context, key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tracked := s.spokes[key]
	if tracked == nil || tracked.cancel != nil || tracked.queued != nil {
		return
	}
	now := s.clock.Now()
	if early := tracked.due.Sub(now); early > 0 {
		s.due.AddAfter(key, early)
		return
	}
	if tracked.health == silent && now.After(tracked.pingUntil) {
		tracked.health = failing
	}
	tracked.queued = &position{queue: tracked.health, tenant: tenantOf(tracked.profile)}
	s.queues[tracked.health].add(tracked.queued.tenant, key)
	s.dispatch(ctx)
}

// dispatch starts the probes of all spokes that get a slot. The caller must hold mu.
func (s *scheduler) dispatch(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	for i, queue := range s.queues {
		for owner, key, ok := queue.acquire(); ok; owner, key, ok = queue.acquire() {
			tracked := s.spokes[key]
			tracked.queued = nil
			probing, cancel := context.WithCancel(ctx)
			tracked.cancel = cancel
			t := &task{key: key, spoke: tracked, profile: tracked.profile, tenant: owner, queue: health(i)}
			s.running.Go(func() { s.run(ctx, probing, t) })
		}
	}
}
