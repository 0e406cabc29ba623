// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const (
	oneDay  = 24 * time.Hour
	oneYear = 365 * oneDay
)

// TestExpiringConditionWarnsOnce: users are warned two weeks ahead, once.
func TestExpiringConditionWarnsOnce(t *testing.T) {
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
		"Later": {
			why:     "a month is enough time",
			ends:    in(30 * oneDay),
			status:  "False",
			reason:  v1alpha1.ReasonExpiresLater,
			message: "The first to expire is the client certificate, on 2026-01-31 12:00 UTC",
		},
		"Soon": {
			why:     "two weeks are not",
			ends:    in(14 * oneDay),
			status:  "True",
			reason:  v1alpha1.ReasonExpiresSoon,
			message: "Expires: the client certificate on 2026-01-15 12:00 UTC",
			events:  1,
		},
		"Expired": {
			why:     "it is too late",
			ends:    in(-time.Second),
			status:  "True",
			reason:  v1alpha1.ReasonExpired,
			message: "Expires: the client certificate on 2026-01-01 11:59 UTC",
			events:  1,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			profile := &inventoryv1alpha1.ClusterProfile{}
			before := (&spoke.Report{Profile: profile, At: noon.Add(-time.Hour)}).Status(v1alpha1.SpokeCheckStatus{}, nil)
			status := (&spoke.Report{Profile: profile, At: noon}).Status(before, tc.ends)
			got := metav1.Condition{}
			for _, condition := range status.Conditions {
				if condition.Type == v1alpha1.ConditionExpiring {
					got = condition
				}
			}
			if string(got.Status) != tc.status || got.Reason != tc.reason || got.Message != tc.message {
				t.Errorf("%s: %+v", tc.why, got)
			}
			if changed := transitions(before, status); len(changed) != tc.events {
				t.Errorf("%s: %+v", tc.why, changed)
			}
			again := (&spoke.Report{Profile: profile, At: noon.Add(time.Minute)}).Status(status, tc.ends)
			if !equalStatus(status, again) || len(transitions(status, again)) > 0 {
				t.Errorf("%s: the same result changed the status", tc.why)
			}
		})
	}
}
