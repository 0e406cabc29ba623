// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"testing"
	"time"
)

// TestDelayGrowsWithFailures: spokes that can be pinged are probed regularly; the delay of those that need their plugin grows, up to a
// heartbeat.
func TestDelayGrowsWithFailures(t *testing.T) {
	const interval = 30 * time.Second
	cases := map[string]struct {
		why      string
		pace     pace
		failures int
		want     time.Duration
	}{
		"Works":   {why: "no failure", pace: pace{interval, time.Hour}, failures: 0, want: interval},
		"Hiccup":  {why: "most of what fails once works the next time", pace: pace{interval, time.Hour}, failures: 3, want: interval},
		"Failing": {why: "it was not transient", pace: pace{interval, time.Hour}, failures: 4, want: 2 * interval},
		"Dead":    {why: "most likely it stays so", pace: pace{interval, time.Hour}, failures: 6, want: 8 * interval},
		"LongDead": {
			why:      "its recovery is noticed within ten intervals",
			pace:     pace{interval, time.Hour},
			failures: 7,
			want:     10 * interval,
		},
		"Forgotten": {why: "nothing overflows", pace: pace{interval, time.Hour}, failures: 1000, want: 10 * interval},
		"LongInterval": {
			why:      "ten intervals of a quarter of an hour would be longer than the heartbeat",
			pace:     pace{15 * time.Minute, time.Hour},
			failures: 1000,
			want:     time.Hour * 10 / 11,
		},
		"Heartbeat": {
			why:      "a heartbeat shorter than the interval cannot be kept",
			pace:     pace{interval, time.Second},
			failures: 1000,
			want:     interval,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spread := map[time.Duration]bool{}
			for range 100 {
				got := tc.pace.delay(tc.failures)
				spread[got] = true
				if low, high := tc.want*9/10, tc.want*11/10; got > tc.pace.heartbeatPeriod() || got < low || got > high {
					t.Fatalf("%s: %s is not within %s and %s", tc.why, got, low, high)
				}
			}
			if len(spread) < 50 {
				t.Errorf("%s: the probes of a fleet are not spread: %d different delays of 100", tc.why, len(spread))
			}
		})
	}
}
