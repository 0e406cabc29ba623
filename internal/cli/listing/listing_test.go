// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package listing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

func TestReachable(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	reported := func(status metav1.ConditionStatus, reason string, ago time.Duration) *v1alpha1.SpokeCheck {
		at := metav1.NewTime(now.Add(-ago))
		check := &v1alpha1.SpokeCheck{}
		check.Status.LastProbeTime = &at
		check.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: status, Reason: reason}}
		return check
	}
	seldom := reported(metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Hour)
	seldom.Status.HeartbeatSeconds = 3600
	cases := map[string]struct {
		why   string
		check *v1alpha1.SpokeCheck
		want  printers.Cell
	}{
		"NoCheck":     {why: "there is no consumer", check: nil},
		"NotReported": {why: "the consumer has not reported yet", check: &v1alpha1.SpokeCheck{}},
		"True": {
			why:   "the reason is the same word",
			check: reported(metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Minute),
			want:  printers.Cell{Text: "True", Tone: printers.Good},
		},
		"False": {
			why:   "the reason is printed",
			check: reported(metav1.ConditionFalse, v1alpha1.ReasonTLSFailed, time.Minute),
			want:  printers.Cell{Text: "False(TLSFailed)", Tone: printers.Bad},
		},
		"Stale": {
			why:   "the consumer no longer renews the check",
			check: reported(metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Hour),
			want:  printers.Cell{Text: "True(stale)", Tone: printers.Doubtful},
		},
		"Seldom": {why: "the heartbeat is an hour", check: seldom, want: printers.Cell{Text: "True", Tone: printers.Good}},
		"Future": {
			why:   "a time in the future",
			check: reported(metav1.ConditionTrue, v1alpha1.ReasonReachable, -time.Hour),
			want:  printers.Cell{Text: "True(stale)", Tone: printers.Doubtful},
		},
		"StaleFalse": {
			why:   "False is stale, too",
			check: reported(metav1.ConditionFalse, v1alpha1.ReasonNotReady, time.Hour),
			want:  printers.Cell{Text: "False(NotReady)(stale)", Tone: printers.Doubtful},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := &Listing{Now: func() time.Time { return now }, checks: lookup.NewChecks()}
			if diff := cmp.Diff(tc.want, l.reachable("team-a", tc.check)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}
