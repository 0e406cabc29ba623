// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "time"

const (
	// missedHeartbeats is after how many heartbeats without a word a consumer counts as gone.
	missedHeartbeats = 3
	// longestSilence is the same for a consumer that promises fewer words than that.
	longestSilence = 24 * time.Hour
	// clockSkew is by how much the clocks of two machines may differ.
	clockSkew = time.Minute
)

// Probed is when the probe was made that the status reports; long ago where there was none, or where the time lies in the
// future: its writer has a wrong clock, and its silence would not be noticed until then.
func (s *SpokeCheckStatus) Probed(now time.Time) time.Time {
	if s.LastProbeTime != nil && s.LastProbeTime.Sub(now) <= clockSkew {
		return s.LastProbeTime.Time
	}
	return time.Time{}
}

// Silent reports whether the consumer that wrote the status has missed its own heartbeats, so that the status says more about the
// consumer than of the spoke. heartbeat is for a status that promises none.
func (s *SpokeCheckStatus) Silent(now time.Time, heartbeat time.Duration) bool {
	return !now.Before(s.SilentAt(now, heartbeat))
}

// SilentAt returns when the status becomes Silent, or became so, unless it is written again.
func (s *SpokeCheckStatus) SilentAt(now time.Time, heartbeat time.Duration) time.Time {
	if s.HeartbeatSeconds > 0 {
		heartbeat = time.Duration(s.HeartbeatSeconds) * time.Second
	}
	return s.Probed(now).Add(min(missedHeartbeats*heartbeat, longestSilence))
}
