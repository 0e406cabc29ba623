// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// TestClusterIDOfAnotherClusterFails: that the UID of kube-system differs from the profile's ID is the wrong cluster only where it was
// that ID before, for this consumer or the last one.
func TestClusterIDOfAnotherClusterFails(t *testing.T) {
	profile := spokeProfile(types.NamespacedName{Name: "a"}, "", 0)
	profile.Status.Properties = []inventoryv1alpha1.Property{{Name: v1alpha1.PropertyClusterID, Value: "one"}}
	right := spoke.Result{Result: probe.Result{ClusterID: "one"}}
	other := spoke.Result{Result: probe.Result{ClusterID: "two", Doubt: failure.New(v1alpha1.ReasonWrongCluster, "No")}}
	down := spoke.Result{Result: probe.Result{Failure: failure.New(v1alpha1.ReasonConnectFailed, "No")}}
	for name, tc := range map[string]struct {
		why    string
		before string
		seen   []spoke.Result
		want   string
		known  string
	}{
		"Unknown": {why: "the manager may mean another ID", seen: []spoke.Result{other}, want: v1alpha1.ReasonReachable, known: "two"},
		"Proven": {
			why:   "it was the right one a moment ago",
			seen:  []spoke.Result{right, other},
			want:  v1alpha1.ReasonWrongCluster,
			known: "one",
		},
		"Stays": {
			why:   "and it stays the wrong one",
			seen:  []spoke.Result{right, other, down, other},
			want:  v1alpha1.ReasonWrongCluster,
			known: "one",
		},
		"Restart": {
			why:    "also after a restart",
			before: "one",
			seen:   []spoke.Result{other},
			want:   v1alpha1.ReasonWrongCluster,
			known:  "one",
		},
		"Back": {
			why:    "the address leads to the right one again",
			before: "one",
			seen:   []spoke.Result{other, right},
			want:   v1alpha1.ReasonReachable,
			known:  "one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &trackedSpoke{profile: profile, clusterID: tc.before}
			for _, seen := range tc.seen {
				s.record(&result{Result: seen, at: noon})
			}
			if s.last.Reason() != tc.want || s.last.ClusterID != tc.known {
				t.Errorf("%s: %s, cluster %s", tc.why, s.last.Reason(), s.last.ClusterID)
			}
		})
	}
}

// TestExpirationsAreOfOneServer: what expires at a server that the profile no longer names is dropped; it would alert forever.
func TestExpirationsAreOfOneServer(t *testing.T) {
	ends := []probe.Expiration{{What: v1alpha1.ExpiringServingCertificate, At: noon.Add(oneYear), Lifetime: oneYear}}
	reached := func(server string) spoke.Result {
		return spoke.Result{Server: server, Result: probe.Result{Expirations: ends}}
	}
	failed := func(server, reason string) spoke.Result {
		return spoke.Result{Server: server, Result: probe.Result{Failure: failure.New(reason, "No")}}
	}
	reported := v1alpha1.SpokeCheckStatus{Server: "https://a", Expirations: []v1alpha1.Expiration{{
		Kind: v1alpha1.ExpiringServingCertificate, Time: metav1.NewTime(noon.Add(oneYear)),
	}}}
	for name, tc := range map[string]struct {
		why    string
		before v1alpha1.SpokeCheckStatus
		seen   []spoke.Result
		want   int
	}{
		"Down": {
			why:  "it is the same server, and its certificate expires all the same",
			seen: []spoke.Result{reached("https://a"), failed("https://a", v1alpha1.ReasonConnectFailed)},
			want: 1,
		},
		"Moved": {
			why:  "nothing is known of the new server",
			seen: []spoke.Result{reached("https://a"), failed("https://b", v1alpha1.ReasonConnectFailed)},
		},
		"MovedBack": {
			why:  "the first one has not been reached again",
			seen: []spoke.Result{reached("https://a"), failed("https://b", v1alpha1.ReasonTLSFailed), failed("https://a", v1alpha1.ReasonTLSFailed)},
		},
		"NoAccess": {
			why:  "the profile offers no access any more",
			seen: []spoke.Result{reached("https://a"), failed("", v1alpha1.ReasonNoAccessProvider)},
		},
		"Restart": {
			why:    "an earlier consumer has reached it",
			before: reported,
			seen:   []spoke.Result{failed("https://a", v1alpha1.ReasonConnectFailed)},
			want:   1,
		},
		"MovedMeanwhile": {
			why:    "the profile was changed while no consumer ran",
			before: reported,
			seen:   []spoke.Result{failed("https://b", v1alpha1.ReasonConnectFailed)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, r := simulate(t)
				tracked := r.newSpoke(tc.before)
				for _, seen := range tc.seen {
					tracked.record(&result{Result: seen, at: noon})
				}
				if got := len(tracked.last.expirations); got != tc.want {
					t.Errorf("%s: %d expirations, want %d", tc.why, got, tc.want)
				}
			})
		})
	}
}
