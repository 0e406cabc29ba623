// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package expiry

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const (
	oneDay  = 24 * time.Hour
	oneYear = 365 * oneDay
)

// TestTrackerLearns: what is reported after each probe.
func TestTrackerLearns(t *testing.T) {
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
		"Year": {
			why:    "the usual certificate",
			sights: []sight{{seen: []probe.Expiration{serving(100*oneDay, oneYear)}, reports: ends{s: 100 * oneDay}}},
		},
		"ShortLived": {
			why:    "a machine renews it, at every moment",
			sights: []sight{{seen: []probe.Expiration{serving(oneDay, 7*oneDay), token(time.Hour, time.Hour)}, reports: ends{}}},
		},
		"Opaque": {
			why: "a token of an unknown lifetime is reported by what is left, and stays",
			sights: []sight{
				{seen: []probe.Expiration{token(31*oneDay, 0)}, reports: ends{k: 31 * oneDay}},
				{after: 30 * oneDay, seen: []probe.Expiration{token(31*oneDay, 0)}, reports: ends{k: 31 * oneDay}},
			},
		},
		"OpaqueSoon": {
			why:    "a token of an hour is not worth a word",
			sights: []sight{{seen: []probe.Expiration{token(time.Hour, 0)}, reports: ends{}}},
		},
		"OpaqueRestart": {why: "nor does a restart forget the one that was", before: []v1alpha1.Expiration{
			{Kind: k, Time: metav1.NewTime(noon.Add(3 * oneDay))},
		},
			sights: []sight{{seen: []probe.Expiration{token(3*oneDay, 0)}, reports: ends{k: 3 * oneDay}}}},
		"LoadBalancer": {
			why: "several servers behind one address do not cause a change at each probe; the first to expire counts",
			sights: []sight{
				{seen: []probe.Expiration{serving(103*oneDay, oneYear)}, reports: ends{s: 103 * oneDay}},
				{after: time.Minute, seen: []probe.Expiration{serving(100*oneDay, oneYear)}, reports: ends{s: 100 * oneDay}},
				{after: 2 * time.Minute, seen: []probe.Expiration{serving(106*oneDay, oneYear)}, reports: ends{s: 100 * oneDay}},
				{after: 3 * time.Minute, seen: []probe.Expiration{serving(103*oneDay, oneYear)}, reports: ends{s: 100 * oneDay}}},
		},
		"Renewed": {why: "after an hour, the old one is shown no more", sights: []sight{
			{seen: []probe.Expiration{serving(10*oneDay, oneYear)}, reports: ends{s: 10 * oneDay}},
			{after: time.Minute, seen: []probe.Expiration{serving(oneYear, oneYear)}, reports: ends{s: 10 * oneDay}},
			{after: 62 * time.Minute, seen: []probe.Expiration{serving(oneYear, oneYear)}, reports: ends{s: oneYear}}}},
		"RenewedClient": {why: "what we show ourselves is known exactly", sights: []sight{
			{seen: []probe.Expiration{client(10 * oneDay)}, reports: ends{c: 10 * oneDay}},
			{after: time.Minute, seen: []probe.Expiration{client(oneYear)}, reports: ends{c: oneYear}}}},
		"Minted": {
			why: "a plugin that makes a certificate at each run does not cause a write at each run",
			sights: []sight{
				{seen: []probe.Expiration{client(90 * oneDay)}, reports: ends{c: 90 * oneDay}},
				{after: time.Hour, seen: []probe.Expiration{client(90*oneDay + time.Hour)}, reports: ends{c: 90 * oneDay}},
				{
					after:   25 * time.Hour,
					seen:    []probe.Expiration{client(90*oneDay + 25*time.Hour)},
					reports: ends{c: 90*oneDay + 25*time.Hour},
				},
			},
		},
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
			tracker := Restore(tc.before, noon)
			for i, sight := range tc.sights {
				got := ends{}
				last := time.Time{}
				for _, r := range tracker.Learn(noon.Add(sight.after), sight.seen, !sight.failed) {
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

// TestTrackerIsBounded: a server that has another certificate at each connection needs no more memory.
func TestTrackerIsBounded(t *testing.T) {
	tracker := Tracker{}
	for i := range 1000 {
		tracker.Learn(noon, []probe.Expiration{{
			What:     v1alpha1.ExpiringServingCertificate,
			At:       noon.Add(oneYear - time.Duration(i)*time.Second),
			Lifetime: oneYear,
		}}, true)
	}
	if len(tracker.seen) > maxObservations {
		t.Errorf("%d expirations are kept", len(tracker.seen))
	}
}
