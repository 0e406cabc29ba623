// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

func TestResultWith(t *testing.T) {
	one, two := profile.Problem{Reason: "One"}, profile.Problem{Reason: "Two"}
	for name, tc := range map[string]struct {
		why        string
		a, b, want Result
	}{
		"Empty": {why: "nothing happened"},
		"Flags": {
			why:  "one of both is enough",
			a:    Result{Wrote: true, Held: true},
			b:    Result{Deleted: true, Keep: true},
			want: Result{Wrote: true, Deleted: true, Held: true, Keep: true},
		},
		"RequeueAfter": {
			why:  "the earlier one counts",
			a:    Result{RequeueAfter: time.Minute},
			b:    Result{RequeueAfter: time.Second},
			want: Result{RequeueAfter: time.Second},
		},
		"Never": {
			why:  "zero is not earlier",
			a:    Result{RequeueAfter: time.Minute},
			want: Result{RequeueAfter: time.Minute},
		},
		"Problems": {
			why:  "a problem that both have is reported once",
			a:    Result{Problems: []profile.Problem{one}},
			b:    Result{Problems: []profile.Problem{two, one}},
			want: Result{Problems: []profile.Problem{one, two}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.a.With(tc.b)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}
