// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package requeue holds when controllers reconcile again where no event triggers it, so that all programs retry in the same way.
package requeue

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// The pauses between attempts at what failed. An API or a webhook that is back is reported by no event, so that the longest pause
// is short.
const (
	minRetry = 10 * time.Millisecond
	maxRetry = time.Minute
)

// RateLimiter returns the rate limiter of a controller's queue.
func RateLimiter() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](minRetry, maxRetry)
}

// Min returns the shortest of some durations after which to reconcile; zero stands for never.
func Min(after ...time.Duration) time.Duration {
	var shortest time.Duration
	for _, d := range after {
		if d > 0 && (shortest == 0 || d < shortest) {
			shortest = d
		}
	}
	return shortest
}
