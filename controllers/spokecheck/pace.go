// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const (
	// jitter spreads the probes of spokes that became known at the same time, as a share of the pause either way.
	jitter = 0.1
	// After steadfast costly failures in a row, the time to the next probe doubles with each one more, up to longest intervals.
	steadfast = 3
	longest   = 10
	// wakes is how many changes of a profile are probed at once; after that, one in an interval.
	wakes = 3
	// quick is how long a failure takes at most that did not wait for a deadline.
	quick = time.Second
)

// pace is how often a spoke is probed, and its check written.
type pace struct{ interval, heartbeat time.Duration }

// pause is the time until the next probe of a spoke. A failure is costly where each further probe runs the plugin, and only
// what comes from the plugin can end it; the others cost a connection, and are met again after an interval.
func (p pace) pause(costlyFailures int) time.Duration {
	next := p.interval
	for range costlyFailures - steadfast {
		if next *= 2; next >= longest*p.interval {
			next = longest * p.interval
			break
		}
	}
	next = min(next, time.Duration(float64(p.beat())/(1+jitter)))
	return next + time.Duration((2*rand.Float64()-1)*jitter*float64(next))
}

// beat is the longest time between two probes, and so between two writes of a check.
func (p pace) beat() time.Duration {
	return max(p.heartbeat, time.Duration((1+jitter)*float64(p.interval)))
}

// beatSeconds is the beat as a check tells it.
func (p pace) beatSeconds() int32 {
	return int32(min(math.Ceil(p.beat().Seconds()), math.MaxInt32))
}

// believed is how long looks are taken for probes, after a probe that failed at once or one that hung. A look shows no client
// certificate, and some servers hang up on whoever has none; those who do not answer at all do so for everybody, and it would
// cost a place to find that out again.
func (p pace) believed(atOnce bool) time.Duration {
	if atOnce {
		return longest * p.interval
	}
	return 10 * longest * p.interval
}

// limiter limits how often a spoke is woken by changes of its profile.
func (p pace) limiter() *rate.Limiter { return rate.NewLimiter(rate.Every(p.interval), wakes) }

// costly says whether a failure is one that only another answer of the plugin can end.
func costly(reason string) bool {
	return reason == v1alpha1.ReasonCredentialsFailed || reason == v1alpha1.ReasonUnauthorized
}

// dark says whether a failure is one that a look shows as well as a probe: nothing answers as it should.
func dark(reason string) bool {
	switch reason {
	case v1alpha1.ReasonNameNotResolved, v1alpha1.ReasonConnectFailed, v1alpha1.ReasonTLSFailed, v1alpha1.ReasonNotReady:
		return true
	}
	return false
}
