// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

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

// expiries is what is known of the ends of what the way into a spoke depends on.
type expiries struct {
	seen []end
	// reported is at most one for each kind, the earliest first.
	reported []v1alpha1.Expiration
}

// end is one that was seen, and when it was seen last.
type end struct {
	kind     v1alpha1.ExpiringKind
	at, last time.Time
}

// reportedBefore is what an earlier consumer has reported.
func reportedBefore(reported []v1alpha1.Expiration, now time.Time) expiries {
	e := expiries{reported: slices.Clone(reported)}
	for _, expiration := range reported {
		e.seen = append(e.seen, end{kind: expiration.Kind, at: expiration.Time.UTC(), last: now})
	}
	return e
}

// learn takes down what a probe saw, and returns what is to be reported. A probe that found the spoke reachable saw all that
// there is; of the others, what they did not see is as before.
func (e *expiries) learn(now time.Time, observed []probe.Expiration, whole bool) []v1alpha1.Expiration {
	kinds := map[v1alpha1.ExpiringKind]bool{}
	for _, o := range observed {
		kinds[o.What] = true
	}
	e.seen = slices.DeleteFunc(e.seen, func(s end) bool {
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
		if at := o.At.UTC().Truncate(time.Second); e.lasts(o, at, now) {
			e.note(end{kind: o.What, at: at, last: now})
		}
	}
	e.report()
	return e.reported
}

// lasts says whether something is renewed so seldom that a person may have to do it.
func (e *expiries) lasts(o probe.Expiration, at, now time.Time) bool {
	if o.Lifetime > 0 {
		return o.Lifetime >= lasting
	}
	return at.Sub(now) >= lasting || slices.ContainsFunc(e.reported, func(r v1alpha1.Expiration) bool { return r.Kind == o.What && r.Time.Time.Equal(at) })
}

func (e *expiries) note(seen end) {
	e.seen = slices.DeleteFunc(e.seen, func(s end) bool { return s.kind == seen.kind && s.at.Equal(seen.at) })
	e.seen = append(e.seen, seen)
	slices.SortFunc(e.seen, func(a, b end) int { return a.at.Compare(b.at) })
	count := 0
	e.seen = slices.DeleteFunc(e.seen, func(s end) bool {
		if s.kind == seen.kind {
			count++
		}
		return s.kind == seen.kind && count > maxEnds
	})
}

// report brings what is reported up to date. It makes a new slice where something changes: the old one has been handed out.
func (e *expiries) report() {
	before := map[v1alpha1.ExpiringKind]time.Time{}
	for _, r := range e.reported {
		before[r.Kind] = r.Time.Time
	}
	var reported []v1alpha1.Expiration
	done := map[v1alpha1.ExpiringKind]bool{}
	for _, s := range e.seen {
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
	e.reported = reported
}

// expiring is the condition Expiring of a status whose expirations are set, at a time.
func expiring(status v1alpha1.SpokeCheckStatus, now time.Time) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionExpiring, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonExpiresLater, LastTransitionTime: metav1.NewTime(now)}
	first := status.Expirations[0]
	if first.Time.Sub(now) > ahead {
		condition.Message = fmt.Sprintf("The first to expire is %s, on %s", kindNames[first.Kind], day(first))
		return condition
	}
	condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonExpiresSoon
	if !first.Time.After(now) {
		condition.Reason = v1alpha1.ReasonExpired
	}
	var soon []string
	for _, expiration := range status.Expirations {
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
