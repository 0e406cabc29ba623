// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ago is a time before now.
func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

const day = 24 * time.Hour

// with returns the objects of a healthy profile, changed by options.
func with(options ...func(*Objects)) Objects {
	p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team-a", Name: "london", CreationTimestamp: ago(9 * day),
	}}
	p.Spec.ClusterManager.Name = "test"
	o := Objects{Profile: p}
	healthy(metav1.ConditionTrue, v1alpha1.ReasonProbeSucceeded)(&o)
	for _, option := range options {
		option(&o)
	}
	return o
}

func healthy(status metav1.ConditionStatus, reason string) func(*Objects) {
	return func(o *Objects) {
		o.Profile.Status.Conditions = []metav1.Condition{{
			Type: inventoryv1alpha1.ClusterConditionControlPlaneHealthy, Status: status, Reason: reason, LastTransitionTime: ago(3 * day),
		}}
	}
}

func silent(o *Objects) { o.Profile.Status.Conditions = nil }

func checked(status metav1.ConditionStatus, reason string, before time.Duration) func(*Objects) {
	return func(o *Objects) {
		at := ago(before)
		o.Check = &v1alpha1.SpokeCheck{}
		o.Check.Status.LastProbeTime = &at
		o.Check.Status.Conditions = []metav1.Condition{
			{Type: v1alpha1.ConditionReachable, Status: status, Reason: reason, LastTransitionTime: ago(2 * day)},
		}
	}
}

func expires(in time.Duration) func(*Objects) {
	return func(o *Objects) {
		end := metav1.NewTime(now.Add(in))
		o.Check.Status.Expires = &end
		o.Check.Status.Expirations = []v1alpha1.Expiration{{Kind: v1alpha1.ExpiringServingCertificate, Time: end}}
	}
}

func granted(degraded string, in time.Duration) func(*Objects) {
	return func(o *Objects) {
		grant := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Name: "london-grant"}}
		if in != 0 {
			grant.Status.ExpirationTimestamp = metav1.NewTime(now.Add(in))
		}
		if degraded != "" {
			grant.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionTrue, Reason: degraded}}
		}
		o.Grants = append(o.Grants, grant)
	}
}

func TestState(t *testing.T) {
	ok := checked(metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Minute)
	cases := map[string]struct {
		why    string
		in     Objects
		want   State
		reason string
	}{
		"NoCheck":   {why: "a consumer is optional", in: with(), want: Fine, reason: "ProbeSucceeded"},
		"Reachable": {why: "both say so", in: with(ok), want: Fine, reason: "ProbeSucceeded"},
		"Unreachable": {
			why:    "the consumer has failed",
			in:     with(checked(metav1.ConditionFalse, v1alpha1.ReasonTLSFailed, time.Minute)),
			want:   Unreachable,
			reason: "TLSFailed",
		},
		"UnreachableFirst": {
			why: "it is worse than all others",
			in: with(healthy(metav1.ConditionFalse, "X"), checked(metav1.ConditionFalse, v1alpha1.ReasonTLSFailed, time.Minute),
				expires(day), granted("X", day)),
			want:   Unreachable,
			reason: "TLSFailed",
		},
		"Unhealthy": {
			why:    "reachable, and worse than an expiration",
			in:     with(healthy(metav1.ConditionFalse, v1alpha1.ReasonControlPlaneUnavailable), ok, expires(day)),
			want:   Unhealthy,
			reason: "ControlPlaneUnavailable",
		},
		"ExpiresSoon":  {why: "within 30 days", in: with(ok, expires(30*day)), want: Expiring, reason: "ExpiresSoon"},
		"ExpiresLater": {why: "after 30 days", in: with(ok, expires(30*day+time.Second)), want: Fine, reason: "ProbeSucceeded"},
		"Expired":      {why: "the spoke may not mind", in: with(ok, expires(0)), want: Expiring, reason: "Expired"},
		"ExpiringStale": {
			why:    "a certificate expires although nobody checks it",
			in:     with(checked(metav1.ConditionTrue, "Reachable", day), expires(day)),
			want:   Expiring,
			reason: "ExpiresSoon",
		},
		"Unrenewed": {
			why:    "the token in use cannot be renewed",
			in:     with(granted(v1alpha1.ReasonSpokeUnreachable, day)),
			want:   Expiring,
			reason: "SpokeUnreachable",
		},
		"TokenExpired": {why: "the broker does not run", in: with(granted("", -time.Second)), want: Expiring, reason: "Expired"},
		"TokenRenewed": {why: "tokens are short-lived", in: with(granted("", time.Hour)), want: Fine, reason: "ProbeSucceeded"},
		"NotGranted":   {why: "there is no token that could expire", in: with(granted("X", 0)), want: Fine, reason: "ProbeSucceeded"},
		"Stale": {
			why: "three heartbeats were missed", in: with(checked(metav1.ConditionTrue, "Reachable", 15*time.Minute)), want: Stale,
			reason: "NotRenewed",
		},
		"StaleFailure": {
			why:    "an old failure proves nothing",
			in:     with(checked(metav1.ConditionFalse, v1alpha1.ReasonTLSFailed, day)),
			want:   Stale,
			reason: "NotRenewed",
		},
		"Unknown": {
			why:    "the manager does not know",
			in:     with(healthy(metav1.ConditionUnknown, v1alpha1.ReasonPaused), ok),
			want:   Unknown,
			reason: "Paused",
		},
		"Silent": {why: "the manager reports nothing", in: with(silent), want: Unknown, reason: "NotReported"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tile, _ := NewTile(tc.in, now)
			if tile.State != tc.want || tile.Reason != tc.reason {
				t.Errorf("%s: %s (%s), want %s (%s)", tc.why, tile.State, tile.Reason, tc.want, tc.reason)
			}
		})
	}
}

// TestUntil: a tile that changes with the time alone is made again at that time.
func TestUntil(t *testing.T) {
	fresh := checked(metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Minute)
	cases := map[string]struct {
		in     Objects
		after  time.Duration
		before State
		then   State
	}{
		"Stale":   {in: with(fresh), after: 14 * time.Minute, before: Fine, then: Stale},
		"Soon":    {in: with(fresh, expires(30*day+time.Minute)), after: time.Minute, before: Fine, then: Expiring},
		"Token":   {in: with(granted("", time.Hour)), after: time.Hour, before: Fine, then: Expiring},
		"Future":  {in: with(checked(metav1.ConditionFalse, "X", -time.Hour)), after: time.Hour, before: Stale, then: Unreachable},
		"Nothing": {in: with(), before: Fine},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tile, until := NewTile(tc.in, now)
			if tile.State != tc.before {
				t.Errorf("it is %s, want %s", tile.State, tc.before)
			}
			if tc.then == "" {
				if !until.IsZero() {
					t.Errorf("nothing changes at %s", until)
				}
				return
			}
			if want := now.Add(tc.after); !until.Equal(want) {
				t.Errorf("it changes at %s, want %s", until, want)
			}
			if tile, _ = NewTile(tc.in, until); tile.State != tc.then {
				t.Errorf("then it is %s, want %s", tile.State, tc.then)
			}
		})
	}
}
