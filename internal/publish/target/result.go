// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"slices"
	"time"

	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Result is what came of one profile of a Cluster.
type Result struct {
	// Wrote reports whether the profile or its status was written.
	Wrote bool
	// Deleted reports whether the profile was deleted.
	Deleted bool
	// Held reports whether a write waits, because there were too many.
	Held bool
	// Keep reports whether not everything could be decided, so that the problems known before are kept beside these.
	Keep bool
	// RequeueAfter is when to reconcile again; zero if an event will trigger it.
	RequeueAfter time.Duration
	Problems     []profile.Problem
}

// With returns both results as one. A problem that both have is reported once.
func (r Result) With(other Result) Result {
	merged := Result{
		Wrote:        r.Wrote || other.Wrote,
		Deleted:      r.Deleted || other.Deleted,
		Held:         r.Held || other.Held,
		Keep:         r.Keep || other.Keep,
		RequeueAfter: requeue.Min(r.RequeueAfter, other.RequeueAfter),
		Problems:     slices.Clone(r.Problems),
	}
	for _, p := range other.Problems {
		if !slices.Contains(merged.Problems, p) {
			merged.Problems = append(merged.Problems, p)
		}
	}
	return merged
}

// Failed is the result of a reconcile that an error ended: the problems known before are kept, and the error is one more.
func Failed(err error) (Result, error) {
	return Result{Keep: true, Problems: []profile.Problem{apierror.Problem(err)}}, err
}
