// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	backoff "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
)

// patiently does something again that the API server had no time for: on a busy machine, one that has just started may be slow.
func patiently(do func() error) error {
	return retry.OnError(backoff.Backoff{Steps: 5, Duration: time.Second, Factor: 2}, apierrors.IsTimeout, do)
}

// parallel does n things with so many workers, and stops at the first error.
func parallel(ctx context.Context, workers, n int, do func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		wg   sync.WaitGroup
		next atomic.Int64
	)
	for range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := do(ctx, int(i)); err != nil {
					stop(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
