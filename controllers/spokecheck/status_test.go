// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestEqualStatus: what differs in each probe of a spoke that has not changed is no reason to write.
func TestEqualStatus(t *testing.T) {
	at := metav1.NewTime(noon)
	status := v1alpha1.SpokeCheckStatus{
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable, LastTransitionTime: at},
		},
		Server:        "https://a",
		Stages:        []v1alpha1.CheckStage{{Name: "access"}, {Name: "plugin", Milliseconds: 40}, {Name: "connect", Milliseconds: 7}},
		LastProbeTime: &at,
	}
	cases := map[string]struct {
		why    string
		change func(*v1alpha1.SpokeCheckStatus)
		want   bool
	}{
		"Probed": {
			why:    "only a heartbeat writes it",
			change: func(s *v1alpha1.SpokeCheckStatus) { s.LastProbeTime = &metav1.Time{Time: at.Add(time.Minute)} },
			want:   true,
		},
		"Slower": {
			why:    "no two probes take the same time",
			change: func(s *v1alpha1.SpokeCheckStatus) { s.Stages[2].Milliseconds = 900 },
			want:   true,
		},
		"WithoutPlugin": {
			why:    "its credentials are used until they expire",
			change: func(s *v1alpha1.SpokeCheckStatus) { s.Stages = append(s.Stages[:1], s.Stages[2]) },
			want:   true,
		},
		"OtherReason": {
			why:    "that is what a check is for",
			change: func(s *v1alpha1.SpokeCheckStatus) { s.Conditions[0].Reason = v1alpha1.ReasonNotReady },
		},
		"OtherServer": {
			why:    "the access was changed",
			change: func(s *v1alpha1.SpokeCheckStatus) { s.Server = "https://b" },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			other := *status.DeepCopy()
			tc.change(&other)
			if got := equalStatus(status, other); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
		})
	}
}
