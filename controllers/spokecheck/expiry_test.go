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
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

const (
	oneDay  = 24 * time.Hour
	oneYear = 365 * oneDay
)

// TestExpiries: what is reported of what is seen, probe after probe.
func TestExpiries(t *testing.T) {
	serving := func(in, lifetime time.Duration) probe.Expiration {
		return probe.Expiration{What: v1alpha1.ExpiringServingCertificate, At: noon.Add(in), Lifetime: lifetime}
	}
	token := func(in, lifetime time.Duration) probe.Expiration {
		return probe.Expiration{What: v1alpha1.ExpiringToken, At: noon.Add(in), Lifetime: lifetime}
	}
	client := func(in time.Duration) probe.Expiration {
		return probe.Expiration{What: v1alpha1.ExpiringClientCertificate, At: noon.Add(in), Lifetime: oneYear}
	}
	type sight struct {
		after   time.Duration
		seen    []probe.Expiration
		failed  bool
		reports map[v1alpha1.ExpiringKind]time.Duration
	}
	type ends = map[v1alpha1.ExpiringKind]time.Duration
	const s, k, c = v1alpha1.ExpiringServingCertificate, v1alpha1.ExpiringToken, v1alpha1.ExpiringClientCertificate
	cases := map[string]struct {
		why    string
		before []v1alpha1.Expiration
		sights []sight
	}{
		"Year":       {why: "the usual certificate", sights: []sight{{seen: []probe.Expiration{serving(100*oneDay, oneYear)}, reports: ends{s: 100 * oneDay}}}},
		"ShortLived": {why: "a machine renews it, at every moment", sights: []sight{{seen: []probe.Expiration{serving(oneDay, 7*oneDay), token(time.Hour, time.Hour)}, reports: ends{}}}},
		"Opaque":     {why: "a token whose lifetime nobody tells is judged by what is left, and stays", sights: []sight{{seen: []probe.Expiration{token(31*oneDay, 0)}, reports: ends{k: 31 * oneDay}}, {after: 30 * oneDay, seen: []probe.Expiration{token(31*oneDay, 0)}, reports: ends{k: 31 * oneDay}}}},
		"OpaqueSoon": {why: "a token of an hour is not worth a word", sights: []sight{{seen: []probe.Expiration{token(time.Hour, 0)}, reports: ends{}}}},
		"OpaqueRestart": {why: "nor does a restart forget the one that was", before: []v1alpha1.Expiration{{Kind: k, Time: metav1.NewTime(noon.Add(3 * oneDay))}},
			sights: []sight{{seen: []probe.Expiration{token(3*oneDay, 0)}, reports: ends{k: 3 * oneDay}}}},
		"LoadBalancer": {why: "three servers behind one address are no change at each probe; the first to end counts", sights: []sight{
			{seen: []probe.Expiration{serving(103*oneDay, oneYear)}, reports: ends{s: 103 * oneDay}},
			{after: time.Minute, seen: []probe.Expiration{serving(100*oneDay, oneYear)}, reports: ends{s: 100 * oneDay}},
			{after: 2 * time.Minute, seen: []probe.Expiration{serving(106*oneDay, oneYear)}, reports: ends{s: 100 * oneDay}},
			{after: 3 * time.Minute, seen: []probe.Expiration{serving(103*oneDay, oneYear)}, reports: ends{s: 100 * oneDay}}}},
		"Renewed": {why: "after an hour, the old one is shown no more", sights: []sight{
			{seen: []probe.Expiration{serving(10*oneDay, oneYear)}, reports: ends{s: 10 * oneDay}},
			{after: time.Minute, seen: []probe.Expiration{serving(oneYear, oneYear)}, reports: ends{s: 10 * oneDay}},
			{after: 62 * time.Minute, seen: []probe.Expiration{serving(oneYear, oneYear)}, reports: ends{s: oneYear}}}},
		"RenewedClient": {why: "what we show ourselves is known exactly", sights: []sight{
			{seen: []probe.Expiration{client(10 * oneDay)}, reports: ends{c: 10 * oneDay}},
			{after: time.Minute, seen: []probe.Expiration{client(oneYear)}, reports: ends{c: oneYear}}}},
		"Minted": {why: "a plugin that makes a certificate at each run is no write at each run", sights: []sight{
			{seen: []probe.Expiration{client(90 * oneDay)}, reports: ends{c: 90 * oneDay}},
			{after: time.Hour, seen: []probe.Expiration{client(90*oneDay + time.Hour)}, reports: ends{c: 90 * oneDay}},
			{after: 25 * time.Hour, seen: []probe.Expiration{client(90*oneDay + 25*time.Hour)}, reports: ends{c: 90*oneDay + 25*time.Hour}}}},
		"Dark": {why: "what a failing probe did not learn stays known", sights: []sight{
			{seen: []probe.Expiration{serving(100*oneDay, oneYear), client(50 * oneDay)}, reports: ends{s: 100 * oneDay, c: 50 * oneDay}},
			{after: 2 * oneDay, failed: true, reports: ends{s: 100 * oneDay, c: 50 * oneDay}}}},
		"Replaced": {why: "a token in place of a certificate", sights: []sight{
			{seen: []probe.Expiration{client(50 * oneDay)}, reports: ends{c: 50 * oneDay}},
			{after: time.Minute, seen: []probe.Expiration{token(100*oneDay, oneYear)}, reports: ends{k: 100 * oneDay}}}},
		"NowShort": {why: "a machine has taken over", sights: []sight{
			{seen: []probe.Expiration{serving(10*oneDay, oneYear)}, reports: ends{s: 10 * oneDay}},
			{after: 2 * time.Hour, seen: []probe.Expiration{serving(7*oneDay, 7*oneDay)}, reports: ends{}}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := reportedBefore(tc.before, noon)
			for i, sight := range tc.sights {
				got := ends{}
				last := time.Time{}
				for _, r := range e.learn(noon.Add(sight.after), sight.seen, !sight.failed) {
					if r.Time.Time.Before(last) {
						t.Errorf("%s: not in order", tc.why)
					}
					last = r.Time.Time
					got[r.Kind] = r.Time.Sub(noon)
				}
				if diff := cmp.Diff(sight.reports, got); diff != "" {
					t.Errorf("%s, sight %d\n-want +got:\n%s", tc.why, i, diff)
				}
			}
		})
	}
}

// TestManyCertificates: a server that shows another certificate at each connection takes no more memory than others.
func TestManyCertificates(t *testing.T) {
	e := expiries{}
	for i := range 1000 {
		e.learn(noon, []probe.Expiration{{What: v1alpha1.ExpiringServingCertificate, At: noon.Add(oneYear - time.Duration(i)*time.Second), Lifetime: oneYear}}, true)
	}
	if len(e.seen) > maxEnds {
		t.Errorf("%d ends are remembered", len(e.seen))
	}
}

// TestExpiringCondition: people are warned two weeks ahead, once.
func TestExpiringCondition(t *testing.T) {
	in := func(d time.Duration) []v1alpha1.Expiration {
		return []v1alpha1.Expiration{
			{Kind: v1alpha1.ExpiringClientCertificate, Time: metav1.NewTime(noon.Add(d))},
			{Kind: v1alpha1.ExpiringCertificateAuthority, Time: metav1.NewTime(noon.Add(9 * oneYear))},
		}
	}
	cases := map[string]struct {
		why                     string
		ends                    []v1alpha1.Expiration
		status, reason, message string
		events                  int
	}{
		"Nothing": {why: "nothing is known to expire"},
		"Later":   {why: "a month is time enough", ends: in(30 * oneDay), status: "False", reason: v1alpha1.ReasonExpiresLater, message: "The first to expire is the client certificate, on 2026-01-31 12:00 UTC"},
		"Soon":    {why: "two weeks are not", ends: in(14 * oneDay), status: "True", reason: v1alpha1.ReasonExpiresSoon, message: "Expires: the client certificate on 2026-01-15 12:00 UTC", events: 1},
		"Expired": {why: "it is too late", ends: in(-time.Second), status: "True", reason: v1alpha1.ReasonExpired, message: "Expires: the client certificate on 2026-01-01 11:59 UTC", events: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			profile := &inventoryv1alpha1.ClusterProfile{}
			seen := result{at: noon, ends: tc.ends}
			before := statusOf(profile, v1alpha1.SpokeCheckStatus{}, result{at: noon.Add(-time.Hour)})
			status := statusOf(profile, before, seen)
			got := metav1.Condition{}
			for _, condition := range status.Conditions {
				if condition.Type == v1alpha1.ConditionExpiring {
					got = condition
				}
			}
			if string(got.Status) != tc.status || got.Reason != tc.reason || got.Message != tc.message {
				t.Errorf("%s: %+v", tc.why, got)
			}
			if told := transitions(before, status); len(told) != tc.events {
				t.Errorf("%s: told %+v", tc.why, told)
			}
			again := statusOf(profile, status, result{at: noon.Add(time.Minute), ends: tc.ends})
			if !same(status, again) || len(transitions(status, again)) > 0 {
				t.Errorf("%s: the same again is not the same", tc.why)
			}
		})
	}
}
