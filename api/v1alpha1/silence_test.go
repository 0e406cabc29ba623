// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestSilent: when a check may be taken over. The holder's own heartbeat counts, so that two consumers of different intervals
// do not take a check from each other in turns; a time in the future is worth nothing.
func TestSilent(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		why  string
		age  time.Duration
		beat int32
		want bool
	}{
		"Fresh":      {why: "it has just been written", age: time.Second, beat: 300, want: false},
		"Late":       {why: "two heartbeats may be lost", age: 14 * time.Minute, beat: 300, want: false},
		"Dead":       {why: "three are not lost by chance", age: 15 * time.Minute, beat: 300, want: true},
		"Slow":       {why: "the holder probes once in an hour", age: 2 * time.Hour, beat: 3960, want: false},
		"SlowDead":   {why: "and not in three", age: 4 * time.Hour, beat: 3960, want: true},
		"Unsaid":     {why: "a holder of an older version has our heartbeat", age: 15 * time.Minute, want: true},
		"UnsaidLate": {why: "likewise", age: 14 * time.Minute, want: false},
		"Skewed":     {why: "clocks differ", age: -30 * time.Second, beat: 300, want: false},
		"Future":     {why: "a clock that ran ahead must not freeze the check", age: -time.Hour, beat: 300, want: true},
		"Endless":    {why: "nor must a promise", age: 25 * time.Hour, beat: 1 << 30, want: true},
		"Negative":   {why: "nor nonsense", age: time.Minute, beat: -5, want: false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			at := metav1.NewTime(noon.Add(-tc.age))
			status := v1alpha1.SpokeCheckStatus{LastProbeTime: &at, HeartbeatSeconds: tc.beat}
			if got := status.Silent(noon, 5*time.Minute); got != tc.want {
				t.Errorf("%s: %t", tc.why, got)
			}
		})
	}
	if !new(v1alpha1.SpokeCheckStatus).Silent(noon, 5*time.Minute) {
		t.Error("a check that was never written is nobody's")
	}
}
