// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package expiry decides which certificates and tokens of a spoke are reported as expiring, and when users are warned.
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

// The rule for what is reported: what a user has to renew, early enough, and without a write for what a machine renews.
//
//	is valid for less than minLifetime in all         | a machine renews it: not reported
//	has an unknown lifetime                           | reported if that much was left of it when it was first seen
//	servers behind a load balancer have certificates  | the earliest expiry of the last retention counts
//	that expire at different times                    |
//	the plugin returns a certificate with another     | the reported time changes only by more than a slack, or to an earlier
//	expiry at each run                                | time
const (
	minLifetime = 30 * 24 * time.Hour
	retention   = time.Hour
	slack       = 24 * time.Hour
	// warningPeriod is how long before the expiry users are warned.
	warningPeriod = 14 * 24 * time.Hour
	// maxObservations bounds what is kept of each kind, for a spoke that has another certificate at each connection.
	maxObservations = 4
)

// Tracker tracks when the certificates and tokens of a spoke expire. The zero Tracker is empty.
type Tracker struct {
	seen []observation
	// reported is at most one for each kind, the earliest first.
	reported []v1alpha1.Expiration
}

// observation is an expiry, and when it was last seen.
type observation struct {
	kind     v1alpha1.ExpiringKind
	at, last time.Time
}

// Restore returns a Tracker with what an earlier consumer has reported.
func Restore(reported []v1alpha1.Expiration, now time.Time) Tracker {
	t := Tracker{reported: slices.Clone(reported)}
	for _, expiration := range reported {
		t.seen = append(t.seen, observation{kind: expiration.Kind, at: expiration.Time.UTC(), last: now})
	}
	return t
}

// Learn records the expirations that a probe found, and returns those to report. complete is set for a probe that found the spoke
// reachable, and so everything; the others do not change what they did not find.
func (t *Tracker) Learn(now time.Time, observed []probe.Expiration, complete bool) []v1alpha1.Expiration {
	kinds := map[v1alpha1.ExpiringKind]bool{}
	for _, o := range observed {
		kinds[o.What] = true
	}
	t.seen = slices.DeleteFunc(t.seen, func(s observation) bool {
		switch {
		case !kinds[s.kind]:
			return complete
		case s.kind == v1alpha1.ExpiringClientCertificate || s.kind == v1alpha1.ExpiringToken:
			return true // Our own credentials are known exactly.
		default:
			return now.Sub(s.last) > retention
		}
	})
	for _, o := range observed {
		if at := o.At.UTC().Truncate(time.Second); t.longLived(o, at, now) {
			t.add(observation{kind: o.What, at: at, last: now})
		}
	}
	t.report()
	return t.reported
}

// longLived reports whether something is renewed so rarely that a user may have to do it.
func (t *Tracker) longLived(o probe.Expiration, at, now time.Time) bool {
	if o.Lifetime > 0 {
		return o.Lifetime >= minLifetime
	}
	return at.Sub(now) >= minLifetime ||
		slices.ContainsFunc(t.reported, func(r v1alpha1.Expiration) bool { return r.Kind == o.What && r.Time.Time.Equal(at) })
}

func (t *Tracker) add(seen observation) {
	t.seen = slices.DeleteFunc(t.seen, func(s observation) bool { return s.kind == seen.kind && s.at.Equal(seen.at) })
	t.seen = append(t.seen, seen)
	slices.SortFunc(t.seen, func(a, b observation) int { return a.at.Compare(b.at) })
	count := 0
	t.seen = slices.DeleteFunc(t.seen, func(s observation) bool {
		if s.kind == seen.kind {
			count++
		}
		return s.kind == seen.kind && count > maxObservations
	})
}

// report updates what is reported. It makes a new slice: the old one was returned to callers.
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
		if old, ok := before[s.kind]; ok && !at.Before(old) && at.Sub(old) <= slack {
			at = old
		}
		reported = append(reported, v1alpha1.Expiration{Kind: s.kind, Time: metav1.NewTime(at)})
	}
	slices.SortFunc(reported, func(a, b v1alpha1.Expiration) int {
		return cmp.Or(a.Time.Compare(b.Time.Time), cmp.Compare(a.Kind, b.Kind))
	})
	t.reported = reported
}

// Condition returns the condition Expiring at a time, of one or more expirations in the order of Learn.
func Condition(expirations []v1alpha1.Expiration, now time.Time) metav1.Condition {
	condition := metav1.Condition{
		Type:               v1alpha1.ConditionExpiring,
		Status:             metav1.ConditionFalse,
		Reason:             v1alpha1.ReasonExpiresLater,
		LastTransitionTime: metav1.NewTime(now),
	}
	first := expirations[0]
	if first.Time.Sub(now) > warningPeriod {
		condition.Message = fmt.Sprintf("The first to expire is %s, on %s", kindNames[first.Kind], day(first))
		return condition
	}
	condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonExpiresSoon
	if !first.Time.After(now) {
		condition.Reason = v1alpha1.ReasonExpired
	}
	var soon []string
	for _, expiration := range expirations {
		if expiration.Time.Sub(now) <= warningPeriod {
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
