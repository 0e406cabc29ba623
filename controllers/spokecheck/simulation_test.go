// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// Tests with simulated spokes run the real scheduler with a clock that stands still while goroutines run (package synctest), so that
// their results do not depend on the speed of the machine.
const (
	interval = 30 * time.Second
	workers  = 16
)

// simulate runs the scheduler with simulated spokes until the test ends. It must be called in synctest.Test.
func simulate(t *testing.T) (*fakeSpokes, *scheduler) {
	t.Helper()
	w := &fakeSpokes{
		behaviour: map[types.NamespacedName]behaviour{},
		times:     map[types.NamespacedName][]time.Time{},
		pings:     map[types.NamespacedName]int{},
	}
	r := newScheduler(w, pace{interval, 5 * time.Minute}, workers, clock.RealClock{})
	var running sync.WaitGroup
	running.Go(func() { _ = r.Start(t.Context()) })
	running.Go(func() {
		// As a controller would.
		for range r.results {
		}
	})
	t.Cleanup(func() {
		r.due.ShutDown()
		synctest.Wait()
		close(r.results)
		running.Wait()
	})
	return w, r
}

// pass advances the clock of synctest.Test.
func pass(d time.Duration) { <-time.After(d) }

// behaviour is how long a check of a spoke takes, and its result.
type behaviour struct {
	takes  time.Duration
	reason string
	// hidden failures are found by a probe, but not by a ping.
	hidden bool
	// shy spokes do not answer pings, although a probe succeeds.
	shy bool
}

// fakeSpokes is a Checker of simulated spokes.
type fakeSpokes struct {
	mu        sync.Mutex
	behaviour map[types.NamespacedName]behaviour
	times     map[types.NamespacedName][]time.Time
	pings     map[types.NamespacedName]int
}

func (w *fakeSpokes) set(key types.NamespacedName, b behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behaviour[key] = b
}

func (w *fakeSpokes) seen(key types.NamespacedName, ping bool) behaviour {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times[key] = append(w.times[key], time.Now())
	if ping {
		w.pings[key]++
	}
	return w.behaviour[key]
}

// Check implements Checker.
func (w *fakeSpokes) Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
	return w.after(ctx, profile, w.seen(client.ObjectKeyFromObject(profile), false), false)
}

// Ping implements Checker.
func (w *fakeSpokes) Ping(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
	return w.after(ctx, profile, w.seen(client.ObjectKeyFromObject(profile), true), true)
}

func (w *fakeSpokes) after(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile, b behaviour, ping bool) spoke.Result {
	select {
	case <-time.After(b.takes):
	case <-ctx.Done():
	}
	seen := spoke.Result{Server: profile.Status.AccessProviders[0].Cluster.Server}
	switch {
	case ping && b.shy:
		seen.Failure = failure.New(v1alpha1.ReasonConnectFailed, "No")
	case b.reason != "" && (!ping || !b.hidden):
		seen.Failure = failure.New(b.reason, "No")
	}
	return seen
}

// Forget implements Checker.
func (w *fakeSpokes) Forget(types.NamespacedName) {}

// longestGap returns the longest time without a check of any of the spokes since a time.
func (w *fakeSpokes) longestGap(since time.Time, of ...types.NamespacedName) (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range of {
		last := since
		for _, at := range append(w.times[key], time.Now()) {
			if at.After(since) {
				longest = max(longest, at.Sub(last))
				last = at
			}
		}
	}
	return longest
}

func (w *fakeSpokes) count(key types.NamespacedName) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.times[key])
}

// spokeProfile returns the profile of a spoke, with an access of a version.
func spokeProfile(key types.NamespacedName, owner string, version int) *inventoryv1alpha1.ClusterProfile {
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Namespace, profile.Name, profile.UID = key.Namespace, key.Name, types.UID(key.String())
	profile.Labels = map[string]string{v1alpha1.LabelClusterNamespace: owner}
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{
		offering("p", &rest.Config{Host: fmt.Sprintf("https://spoke/%d", version)}),
	}
	return profile
}

// track adds spokes of one behaviour, and returns their names.
func (w *fakeSpokes) track(r *scheduler, count int, who tenant, kind string, b behaviour) []types.NamespacedName {
	var keys []types.NamespacedName
	for i := range count {
		key := types.NamespacedName{Namespace: who.namespace, Name: fmt.Sprintf("%s-%s-%d", who.owner, kind, i)}
		keys = append(keys, key)
		w.set(key, b)
		r.track(spokeProfile(key, who.owner, 0), v1alpha1.SpokeCheckStatus{})
	}
	return keys
}
