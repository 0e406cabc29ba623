// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// TestVerdictOnClusterAPI: each look is the Leases that a list has returned, by namespace, with the second of their renewal.
func TestVerdictOnClusterAPI(t *testing.T) {
	type look map[string]int
	for name, tc := range map[string]struct {
		why   string
		looks []look
		want  verdict
	}{
		"NoLease":       {why: "leader election is off", looks: []look{{}, {}, {}, {}, {}}, want: running},
		"FirstLook":     {why: "one look shows no renewal", looks: []look{{"a": 1}}, want: undecided},
		"Renewed":       {why: "it is alive", looks: []look{{"a": 1}, {"a": 3}}, want: running},
		"ClockSetBack":  {why: "a renewal is a change, not a later time", looks: []look{{"a": 9}, {"a": 3}}, want: running},
		"NotYet":        {why: "the time is not up", looks: []look{{"a": 1}, {"a": 1}, {"a": 1}}, want: undecided},
		"NeverRenewed":  {why: "the time is up", looks: []look{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}}, want: down},
		"RenewedOnce":   {why: "a renewal starts the time again", looks: []look{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}}, want: running},
		"Stopped":       {why: "it is down though it ran before", looks: []look{{"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}, {"a": 2}}, want: down},
		"OneOfTwo":      {why: "one installation is up", looks: []look{{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 1, "b": 4}}, want: running},
		"Moved":         {why: "another namespace, another Lease", looks: []look{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 1, "b": 1}}, want: running},
		"NotRenewTime":  {why: "a Lease that was never renewed is nobody's", looks: []look{{"a": 0}, {"a": 0}, {"a": 0}, {"a": 0}}, want: down},
		"StaleAndGone":  {why: "the Lease that nobody renewed is deleted", looks: []look{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {}}, want: running},
		"DownAndStays":  {why: "nothing has changed", looks: []look{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}}, want: down},
		"DownAndReturn": {why: "it is back", looks: []look{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 2}}, want: running},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLiveness(nil, Options{StaleAfter: 3 * livenessInterval})
			for _, seen := range tc.looks {
				var leases []coordinationv1.Lease
				for namespace, second := range seen {
					lease := coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}
					if second > 0 {
						lease.Spec.RenewTime = ptr.To(metav1.NewMicroTime(time.Unix(int64(second), 0)))
					}
					leases = append(leases, lease)
				}
				l.verdict = l.observe(leases)
			}
			if l.verdict != tc.want {
				t.Errorf("%s: got verdict %d, want %d", tc.why, l.verdict, tc.want)
			}
		})
	}
}

// TestLivenessCanBeTurnedOff: without a time after which conditions are stale they never are.
func TestLivenessCanBeTurnedOff(t *testing.T) {
	l := newLiveness(nil, Options{})
	if err := l.Start(t.Context()); err != nil || l.down(nil) {
		t.Errorf("got down %t and error %v", l.down(nil), err)
	}
}
