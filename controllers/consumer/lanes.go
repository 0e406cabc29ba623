// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// Start implements manager.Runnable. It returns when every probe has ended.
func (r *rounds) Start(ctx context.Context) error {
	var running sync.WaitGroup
	for range r.workers {
		running.Go(func() { r.work(ctx, r.quick, &running) })
		running.Go(func() { r.work(ctx, r.slow, &running) })
	}
	<-ctx.Done()
	r.quick.ShutDown()
	r.slow.ShutDown()
	running.Wait()
	return nil
}

// work probes the spokes of a lane, one after the other. Only probes of the quick lane may linger.
func (r *rounds) work(ctx context.Context, lane workqueue.TypedDelayingInterface[types.NamespacedName], running *sync.WaitGroup) {
	for {
		key, stop := lane.Get()
		if stop {
			return
		}
		if s, probing := r.begin(ctx, key); s != nil {
			done := make(chan struct{})
			running.Go(func() {
				defer close(done)
				if seen, counts := r.probe(probing, key, s); counts {
					r.announce(ctx, key, seen)
				}
			})
			r.await(done, lane == r.quick)
		}
		lane.Done(key)
	}
}

// await returns when a probe is done, or when it has been given a place to linger in.
func (r *rounds) await(done <-chan struct{}, mayLinger bool) {
	if !mayLinger {
		<-done
		return
	}
	timer := r.clock.NewTimer(r.patience)
	defer timer.Stop()
	select {
	case <-done:
		return
	case <-timer.C():
	}
	select {
	case <-done:
	case r.lingering <- struct{}{}:
		go func() {
			<-done
			<-r.lingering
		}()
	}
}

// probe observes a spoke and plans the next time.
func (r *rounds) probe(ctx context.Context, key types.NamespacedName, s *spoke) (seen sighting, counts bool) {
	r.mu.Lock()
	profile := s.profile
	r.mu.Unlock()
	seen.at = r.clock.Now()
	seen.Observation = r.observer.Observe(ctx, profile)
	return seen, r.end(ctx, key, s, seen)
}

// announce wakes the reconciliation of a profile whose spoke has been seen.
func (r *rounds) announce(ctx context.Context, key types.NamespacedName, seen sighting) {
	r.metrics.probed(&seen.Observation)
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Namespace, profile.Name = key.Namespace, key.Name
	select {
	case r.news <- event.GenericEvent{Object: profile}:
	case <-ctx.Done():
	}
}
