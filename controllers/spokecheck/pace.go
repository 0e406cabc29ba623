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
	// jitter spreads the probes of spokes that were added at the same time, as a share of the delay in either direction.
	jitter = 0.1
	// After failureThreshold failures in a row that need the plugin, the delay doubles with each further one, up to maxBackoffFactor
	// intervals.
	failureThreshold = 3
	maxBackoffFactor = 10
	// triggerBurst is how many changes of a profile are probed at once; after that, one in an interval.
	triggerBurst = 3
	// fastFailure is how long a failure takes at most that did not wait for a deadline.
	fastFailure = time.Second
)

// pace is how often a spoke is probed, and its check written.
type pace struct{ interval, heartbeat time.Duration }

// delay returns the time until the next probe of a spoke. After a failure that needs the plugin, each further probe runs the plugin,
// so the delay grows; all other probes cost a connection only, and follow after an interval.
func (p pace) delay(failures int) time.Duration {
	next := p.interval
	for range failures - failureThreshold {
		if next *= 2; next >= maxBackoffFactor*p.interval {
			next = maxBackoffFactor * p.interval
			break
		}
	}
	next = min(next, time.Duration(float64(p.heartbeatPeriod())/(1+jitter)))
	return next + time.Duration((2*rand.Float64()-1)*jitter*float64(next))
}

// heartbeatPeriod returns the longest time between two probes, and so between two writes of a check.
func (p pace) heartbeatPeriod() time.Duration {
	return max(p.heartbeat, time.Duration((1+jitter)*float64(p.interval)))
}

// heartbeatSeconds returns the heartbeat period as it is written in a check.
func (p pace) heartbeatSeconds() int32 {
	return int32(min(math.Ceil(p.heartbeatPeriod().Seconds()), math.MaxInt32))
}

// pingPeriod returns how long pings replace probes, after a probe that failed fast or one that hung. A ping shows no client
// certificate, and some servers hang up on clients without one; a server that does not answer at all does not answer any client, and
// it would occupy a slot to find that out again.
func (p pace) pingPeriod(fast bool) time.Duration {
	if fast {
		return maxBackoffFactor * p.interval
	}
	return 10 * maxBackoffFactor * p.interval
}

// limiter returns a limiter of how often changes of a profile trigger a probe.
func (p pace) limiter() *rate.Limiter { return rate.NewLimiter(rate.Every(p.interval), triggerBurst) }

// needsPlugin reports whether only other credentials from the plugin can end a failure.
func needsPlugin(reason string) bool {
	return reason == v1alpha1.ReasonCredentialsFailed || reason == v1alpha1.ReasonUnauthorized
}

// noAnswer reports whether a ping finds a failure as well as a probe does: nothing answers as it should.
func noAnswer(reason string) bool {
	switch reason {
	case v1alpha1.ReasonNameNotResolved, v1alpha1.ReasonConnectFailed, v1alpha1.ReasonTLSFailed, v1alpha1.ReasonNotReady:
		return true
	}
	return false
}
