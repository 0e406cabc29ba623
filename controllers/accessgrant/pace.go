// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// staysSlow is how long the spoke of a grant counts as slow. Were a quick answer enough, spokes that are quick and slow in turn would take all
// workers with every second attempt.
const staysSlow = 30 * time.Minute

// lanes keep spokes that do not answer, or take long to, from taking all workers: grants whose last attempt failed for that, or of which an
// attempt took longer than a request may, not long ago, share half of them.
type lanes struct {
	clock   clock.PassiveClock
	slowest time.Duration
	shared  *semaphore.Weighted

	mu sync.Mutex
	// slow are the grants of which an attempt took longer than slowest, and when that was, the last time.
	slow map[types.NamespacedName]time.Time
}

func newLanes(workers int, clk clock.PassiveClock, slowest time.Duration) *lanes {
	return &lanes{
		clock:   clk,
		slowest: slowest,
		shared:  semaphore.NewWeighted(int64(max(1, workers/2))),
		slow:    map[types.NamespacedName]time.Time{},
	}
}

// enter returns false if too many such grants are being tried already; otherwise leave must be called.
func (l *lanes) enter(grant types.NamespacedName, failedLast bool) (leave func(), entered bool) {
	sharing := failedLast || l.isSlow(grant)
	if sharing && !l.shared.TryAcquire(1) {
		return nil, false
	}
	start := l.clock.Now()
	return func() {
		if sharing {
			l.shared.Release(1)
		}
		l.record(grant, l.clock.Since(start))
	}, true
}

func (l *lanes) isSlow(grant types.NamespacedName) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, slow := l.slow[grant]
	if slow && l.clock.Since(last) >= staysSlow {
		delete(l.slow, grant)
		return false
	}
	return slow
}

func (l *lanes) record(grant types.NamespacedName, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if took > l.slowest {
		l.slow[grant] = l.clock.Now()
	}
}

// forget drops what is known of a grant that is gone.
func (l *lanes) forget(grant types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.slow, grant)
}

// busyRequeue is how soon to try again what is busy now, with a jitter.
func busyRequeue() time.Duration { return time.Second + rand.N(4*time.Second) } //nolint:gosec // no secret depends on it

// retries are the pauses between attempts at what failed, by grant: twice as long each time. An event in between, such as that of the
// broker's own report, does not end a pause; another generation of the grant does.
type retries struct {
	clock   clock.PassiveClock
	limiter workqueue.TypedRateLimiter[types.NamespacedName]

	mu     sync.Mutex
	pauses map[types.NamespacedName]pause
}

type pause struct {
	until      time.Time
	generation int64
}

func newRetries(clk clock.PassiveClock) *retries {
	return &retries{
		clock:   clk,
		limiter: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](minRetry, maxRetry),
		pauses:  map[types.NamespacedName]pause{},
	}
}

// begin begins the pause after a failure.
func (r *retries) begin(of *v1alpha1.AccessGrant) {
	key := client.ObjectKeyFromObject(of)
	length := r.limiter.When(key)
	length += rand.N(length/4 + 1) //nolint:gosec // no secret depends on it
	r.beginFor(of, length)
}

// beginFor begins a pause of a given length.
func (r *retries) beginFor(of *v1alpha1.AccessGrant, length time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pauses[client.ObjectKeyFromObject(of)] = pause{until: r.clock.Now().Add(length), generation: of.Generation}
}

// left returns how much of a grant's pause is left; zero or less if it has none.
func (r *retries) left(of *v1alpha1.AccessGrant) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	current, found := r.pauses[client.ObjectKeyFromObject(of)]
	if !found || current.generation != of.Generation {
		return 0
	}
	return current.until.Sub(r.clock.Now())
}

// forget ends the pause of a grant, and the next one is as short as the first.
func (r *retries) forget(grant types.NamespacedName) {
	r.limiter.Forget(grant)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pauses, grant)
}

// busySpokes has one grant at a time change what the grants of one spoke share. It makes no worker wait: a spoke may take long.
type busySpokes struct {
	mu   sync.Mutex
	busy map[types.NamespacedName]bool
}

func newBusySpokes() *busySpokes { return &busySpokes{busy: map[types.NamespacedName]bool{}} }

// take returns false if another grant of the Cluster is being worked on; otherwise release must be called.
func (b *busySpokes) take(cluster types.NamespacedName) (release func(), taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy[cluster] {
		return nil, false
	}
	b.busy[cluster] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.busy, cluster)
	}, true
}
