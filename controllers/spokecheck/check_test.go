// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

var (
	noon    = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	morning = metav1.NewTime(noon.Add(-4 * time.Hour))
)

func TestStatusOf(t *testing.T) {
	now := metav1.NewTime(noon)
	reachableStatus := func(since metav1.Time, version, user string) v1alpha1.SpokeCheckStatus {
		return v1alpha1.SpokeCheckStatus{
			Conditions: []metav1.Condition{{Type: "Reachable", Status: "True", Reason: "Reachable", Message: "The spoke is ready and accepts the published access", LastTransitionTime: since}},
			Provider:   "p", Server: "https://a", KubernetesVersion: version, User: user, MemberID: "m", LastProbeTime: &now,
		}
	}
	seen := func(failure *failure.Error, version, user string) spoke.Result {
		return spoke.Result{Provider: "p", Server: "https://a", Result: probe.Result{Failure: failure, Version: version, User: user}}
	}
	refused := failure.New(v1alpha1.ReasonConnectFailed, "No")
	failing := reachableStatus(now, "v1", "u")
	failing.Conditions = []metav1.Condition{{Type: "Reachable", Status: "False", Reason: "ConnectFailed", Message: "No", LastTransitionTime: now}}
	failingSince := failing
	failingSince.Conditions = []metav1.Condition{{Type: "Reachable", Status: "False", Reason: "ConnectFailed", Message: "No", LastTransitionTime: morning}}
	cases := map[string]struct {
		why    string
		before v1alpha1.SpokeCheckStatus
		seen   spoke.Result
		want   v1alpha1.SpokeCheckStatus
	}{
		"First":        {why: "there was nothing before", seen: seen(nil, "v1", "u"), want: reachableStatus(now, "v1", "u")},
		"StillUp":      {why: "a transition is inherited", before: reachableStatus(morning, "v1", "u"), seen: seen(nil, "v1", "u"), want: reachableStatus(morning, "v1", "u")},
		"Upgraded":     {why: "a new version is no transition", before: reachableStatus(morning, "v1", "u"), seen: seen(nil, "v2", "u"), want: reachableStatus(morning, "v2", "u")},
		"Down":         {why: "what was known last stays known", before: reachableStatus(morning, "v1", "u"), seen: seen(refused, "", ""), want: failing},
		"StillDown":    {why: "since when it is down is the first thing a person asks", before: failingSince, seen: seen(refused, "", ""), want: failingSince},
		"DownUpgraded": {why: "what a failing probe did learn is newer", before: reachableStatus(morning, "v0", "u"), seen: seen(refused, "v1", ""), want: failing},
		"UpNameless":   {why: "a spoke that works and does not say a name has none any more", before: reachableStatus(morning, "v1", "u"), seen: seen(nil, "v1", ""), want: reachableStatus(morning, "v1", "")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			profile := &inventoryv1alpha1.ClusterProfile{}
			profile.Labels = map[string]string{v1alpha1.LabelInventoryMemberID: "m"}
			got := statusOf(profile, tc.before, result{Result: tc.seen, at: noon})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if again := statusOf(profile, got, result{Result: tc.seen, at: noon.Add(time.Minute)}); !same(got, again) {
				t.Errorf("%s: the same again is not the same:\n%s", tc.why, cmp.Diff(got, again))
			}
		})
	}
}

// TestPause: those who can be looked at are regular; those who would run their plugin in vain are left alone more and more,
// but never for longer than a heartbeat.
func TestPause(t *testing.T) {
	const interval = 30 * time.Second
	cases := map[string]struct {
		why      string
		pace     pace
		failures int
		want     time.Duration
	}{
		"Works":        {why: "no costly failure", pace: pace{interval, time.Hour}, failures: 0, want: interval},
		"Hiccup":       {why: "most of what fails once works the next time", pace: pace{interval, time.Hour}, failures: 3, want: interval},
		"Failing":      {why: "it is not a hiccup", pace: pace{interval, time.Hour}, failures: 4, want: 2 * interval},
		"Dead":         {why: "nobody waits for it", pace: pace{interval, time.Hour}, failures: 6, want: 8 * interval},
		"LongDead":     {why: "when it comes back, that is seen within ten intervals", pace: pace{interval, time.Hour}, failures: 7, want: 10 * interval},
		"Forgotten":    {why: "and no shift overflows", pace: pace{interval, time.Hour}, failures: 1000, want: 10 * interval},
		"LongInterval": {why: "ten intervals of a quarter of an hour would be taken for silence", pace: pace{15 * time.Minute, time.Hour}, failures: 1000, want: time.Hour * 10 / 11},
		"Heartbeat":    {why: "a heartbeat shorter than the interval cannot be kept", pace: pace{interval, time.Second}, failures: 1000, want: interval},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spread := map[time.Duration]bool{}
			for range 100 {
				got := tc.pace.pause(tc.failures)
				spread[got] = true
				if low, high := tc.want*9/10, tc.want*11/10; got > tc.pace.beat() || got < low || got > high {
					t.Fatalf("%s: %s is not within %s and %s", tc.why, got, low, high)
				}
			}
			if len(spread) < 50 {
				t.Errorf("%s: a fleet that started together stays together: %d different pauses of 100", tc.why, len(spread))
			}
		})
	}
}
