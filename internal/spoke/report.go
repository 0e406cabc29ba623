// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spoke

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// checker checks the spoke of a profile. It is safe for concurrent use.
type checker interface {
	Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) Result
}

// Report is the result of one check of the spoke of a profile.
type Report struct {
	Profile *inventoryv1alpha1.ClusterProfile
	Result
	// At is when the check began, Took how long it lasted.
	At   time.Time
	Took time.Duration
}

// Options say how CheckAll works.
type Options struct {
	// Concurrency is how many spokes are checked at once.
	Concurrency int
	// Done, if set, is called after each check, from several goroutines.
	Done func(*Report)
}

// CheckAll checks the spokes of the profiles, and returns the reports in the order of the profiles. No check is started after ctx has
// ended; then the error is the context's, and the reports are not complete.
func CheckAll(ctx context.Context, checker checker, profiles []inventoryv1alpha1.ClusterProfile, options Options) ([]Report, error) {
	reports := make([]Report, len(profiles))
	workqueue.ParallelizeUntil(ctx, options.Concurrency, len(profiles), func(i int) {
		r := &reports[i]
		r.Profile, r.At = &profiles[i], time.Now()
		r.Result = checker.Check(ctx, r.Profile)
		r.Took = time.Since(r.At)
		if options.Done != nil {
			options.Done(r)
		}
	})
	return reports, ctx.Err()
}
