// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

const (
	// rewriteBurst is how many times the Secret of a grant is put back at once. The pause after that is minRetry long.
	rewriteBurst = 10
	// calm is after how long without a rewrite the next one counts as the first.
	calm = 30 * time.Minute
)

// rewrites count, by grant, how often its Secret was put back because another writer had changed or deleted it. Each time may take
// another token, so that a client that deletes the Secret in a loop would have tokens issued in a loop.
type rewrites struct {
	clock   clock.PassiveClock
	limiter workqueue.TypedRateLimiter[types.NamespacedName]

	mu   sync.Mutex
	last map[types.NamespacedName]time.Time
}

func newRewrites(clk clock.PassiveClock) *rewrites {
	return &rewrites{
		clock:   clk,
		limiter: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](minRetry>>(rewriteBurst-1), maxRetry),
		last:    map[types.NamespacedName]time.Time{},
	}
}

// add counts a rewrite, and returns how long to wait before the next one: zero for the first of them.
func (w *rewrites) add(grant types.NamespacedName) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	if now.Sub(w.last[grant]) > calm {
		w.limiter.Forget(grant)
	}
	w.last[grant] = now
	pause := w.limiter.When(grant)
	if w.limiter.NumRequeues(grant) < rewriteBurst {
		return 0
	}
	return pause
}

// forget drops what is known of a grant that is gone.
func (w *rewrites) forget(grant types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limiter.Forget(grant)
	delete(w.last, grant)
}

// contested counts that the Secret of a grant was put back. Where that happens too often it begins a pause, and returns what to report.
func (r *reconciler) contested(of *v1alpha1.AccessGrant) error {
	pause := r.rewrites.add(client.ObjectKeyFromObject(of))
	if pause == 0 {
		return nil
	}
	r.retries.beginFor(of, pause)
	return failure.New(v1alpha1.ReasonContested,
		"another writer changes or deletes the Secret %s again and again; it is put back after pauses of up to %s", secretKey(of), maxRetry)
}
