// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package expiry decides which certificates and tokens on the way into a spoke are reported as expiring, and when people are warned.
package expiry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// The rule for what is reported: what a person has to renew, early enough, and without a write for what a machine renews.
//
//	what lives for less than lasting in all           | is renewed by a machine: not reported
//	what does not tell its lifetime                   | is reported where that much was left of it when it was first seen
//	the servers behind a load balancer show           | the earliest that was seen in the last memory counts
//	certificates of different ends                    |
//	a plugin gives a certificate of another end       | the end that is reported moves only where it moves by more than a
//	at each run                                       | slack, or to an earlier time
const (
	lasting = 30 * 24 * time.Hour
	memory  = time.Hour
	slack   = 24 * time.Hour
	// ahead is how long before its end something is warned of.
	ahead = 14 * 24 * time.Hour
	// maxEnds bounds what is remembered of each kind, for a spoke that shows another certificate at each connection.
	maxEnds = 4
)

// Tracker is what is known of the ends of what the way into a spoke depends on. The zero Tracker knows nothing.
type Tracker struct {
	seen []end
	// reported is at most one for each kind, the earliest first.
	reported []v1alpha1.Expiration
}

// end is one that was seen, and when it was seen last.
type end struct {
	kind     v1alpha1.ExpiringKind
	at, last time.Time
}

// Restore returns a Tracker that knows what an earlier consumer has reported.
func Restore(reported []v1alpha1.Expiration, now time.Time) Tracker {
	t := Tracker{reported: slices.Clone(reported)}
	for _, expiration := range reported {
		t.seen = append(t.seen, end{kind: expiration.Kind, at: expiration.Time.UTC(), last: now})
	}
	return t
}

// Learn takes down what a probe saw, and returns what is to be reported. A probe that found the spoke reachable saw all that
// there is; of the others, what they did not see is as before.
func (t *Tracker) Learn(now time.Time, observed []probe.Expiration, whole bool) []v1alpha1.Expiration {
	kinds := map[v1alpha1.ExpiringKind]bool{}
	for _, o := range observed {
		kinds[o.What] = true
	}
	t.seen = slices.DeleteFunc(t.seen, func(s end) bool {
		switch {
		case !kinds[s.kind]:
			return whole
		case s.kind == v1alpha1.ExpiringClientCertificate || s.kind == v1alpha1.ExpiringToken:
			return true // What we show ourselves is known exactly.
		default:
			return now.Sub(s.last) > memory
		}
	})
	for _, o := range observed {
		if at := o.At.UTC().Truncate(time.Second); t.lasts(o, at, now) {
			t.note(end{kind: o.What, at: at, last: now})
		}
	}
	t.report()
	return t.reported
}

// lasts says whether something is renewed so seldom that a person may have to do it.
func (t *Tracker) lasts(o probe.Expiration, at, now time.Time) bool {
	if o.Lifetime > 0 {
		return o.Lifetime >= lasting
	}
	return at.Sub(now) >= lasting || slices.ContainsFunc(t.reported, func(r v1alpha1.Expiration) bool { return r.Kind == o.What && r.Time.Time.Equal(at) })
}

func (t *Tracker) note(seen end) {
	t.seen = slices.DeleteFunc(t.seen, func(s end) bool { return s.kind == seen.kind && s.at.Equal(seen.at) })
	t.seen = append(t.seen, seen)
	slices.SortFunc(t.seen, func(a, b end) int { return a.at.Compare(b.at) })
	count := 0
	t.seen = slices.DeleteFunc(t.seen, func(s end) bool {
		if s.kind == seen.kind {
			count++
		}
		return s.kind == seen.kind && count > maxEnds
	})
}

// report brings what is reported up to date. It makes a new slice where something changes: the old one has been handed out.
func (t *Tracker) report() {
	before := map[v1alpha1.ExpiringKind]time.Time{}
	for _, r := range t.reported {
		before[r.Kind] = r.Time.Time
	}
	var reported []v1alpha1.Expiration
	done := map[v1alpha1.ExpiringKind]bool{}
	for _, s := range t.seen {
		if done[s.kind] {
			continue
		}
		done[s.kind] = true
		at := s.at
		if was, ok := before[s.kind]; ok && !at.Before(was) && at.Sub(was) <= slack {
			at = was
		}
		reported = append(reported, v1alpha1.Expiration{Kind: s.kind, Time: metav1.NewTime(at)})
	}
	slices.SortFunc(reported, func(a, b v1alpha1.Expiration) int {
		return cmp.Or(a.Time.Compare(b.Time.Time), cmp.Compare(a.Kind, b.Kind))
	})
	t.reported = reported
}

// Report sets the expirations of a status, which are in the order of Learn, with the first of them and the condition Expiring as it
// is at a time. It sets nothing where nothing is known that expires.
func Report(status *v1alpha1.SpokeCheckStatus, expirations []v1alpha1.Expiration, now time.Time) {
	if len(expirations) == 0 {
		return
	}
	status.Expirations = expirations
	status.Expires = expirations[0].Time.DeepCopy()
	status.Conditions = append(status.Conditions, expiring(expirations, now))
}

// expiring is the condition Expiring at a time.
func expiring(expirations []v1alpha1.Expiration, now time.Time) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionExpiring, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonExpiresLater, LastTransitionTime: metav1.NewTime(now)}
	first := expirations[0]
	if first.Time.Sub(now) > ahead {
		condition.Message = fmt.Sprintf("The first to expire is %s, on %s", kindNames[first.Kind], day(first))
		return condition
	}
	condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonExpiresSoon
	if !first.Time.After(now) {
		condition.Reason = v1alpha1.ReasonExpired
	}
	var soon []string
	for _, expiration := range expirations {
		if expiration.Time.Sub(now) <= ahead {
			soon = append(soon, kindNames[expiration.Kind]+" on "+day(expiration))
		}
	}
	condition.Message = "Expires: " + strings.Join(soon, ", ")
	return condition
}

func day(expiration v1alpha1.Expiration) string {
	return expiration.Time.UTC().Format("2006-01-02 15:04 MST")
}

var kindNames = map[v1alpha1.ExpiringKind]string{
	v1alpha1.ExpiringServingCertificate:   "the serving certificate",
	v1alpha1.ExpiringCertificateAuthority: "the certificate authority",
	v1alpha1.ExpiringClientCertificate:    "the client certificate",
	v1alpha1.ExpiringToken:                "the token",
}
