// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spoke_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

var (
	noon    = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	now     = metav1.NewTime(noon)
	morning = metav1.NewTime(noon.Add(-4 * time.Hour))
)

// statusOf returns the status of a spoke that is reachable, or not, since a time.
func statusOf(reachable bool, since metav1.Time, version, user string) v1alpha1.SpokeCheckStatus {
	condition := metav1.Condition{
		Type:               "Reachable",
		Status:             "True",
		Reason:             "Reachable",
		Message:            "The spoke is ready and accepts the published access",
		LastTransitionTime: since,
	}
	if !reachable {
		condition.Status, condition.Reason, condition.Message = "False", "ConnectFailed", "No"
	}
	return v1alpha1.SpokeCheckStatus{
		Conditions:        []metav1.Condition{condition},
		Provider:          "p",
		Server:            "https://a",
		KubernetesVersion: version,
		User:              user,
		MemberID:          "m",
		Stages:            []v1alpha1.CheckStage{{Name: "access"}},
		LastProbeTime:     &now,
	}
}

func ofServer(server string, status v1alpha1.SpokeCheckStatus) v1alpha1.SpokeCheckStatus {
	status.Server = server
	return status
}

func TestStatusKeepsWhatWasKnown(t *testing.T) {
	result := func(failure *failure.Error, version, user string) spoke.Result {
		return spoke.Result{Provider: "p", Server: "https://a", Result: probe.Result{Failure: failure, Version: version, User: user}}
	}
	refused := failure.New(v1alpha1.ReasonConnectFailed, "No")
	cases := map[string]struct {
		why    string
		before v1alpha1.SpokeCheckStatus
		result spoke.Result
		want   v1alpha1.SpokeCheckStatus
	}{
		"First": {
			why:    "there was nothing before",
			result: result(nil, "v1", "u"),
			want:   statusOf(true, now, "v1", "u"),
		},
		"StillUp": {
			why:    "the transition time stays",
			before: statusOf(true, morning, "v1", "u"),
			result: result(nil, "v1", "u"),
			want:   statusOf(true, morning, "v1", "u"),
		},
		"Upgraded": {
			why:    "a new version is not a transition",
			before: statusOf(true, morning, "v1", "u"),
			result: result(nil, "v2", "u"),
			want:   statusOf(true, morning, "v2", "u"),
		},
		"Down": {
			why:    "the last known version and user stay",
			before: statusOf(true, morning, "v1", "u"),
			result: result(refused, "", ""),
			want:   statusOf(false, now, "v1", "u"),
		},
		"StillDown": {
			why:    "since when it is down is the first thing a user asks",
			before: statusOf(false, morning, "v1", "u"),
			result: result(refused, "", ""),
			want:   statusOf(false, morning, "v1", "u"),
		},
		"Moved": {
			why:    "a server that was never reached has no version and no user, whatever the one before had",
			before: ofServer("https://b", statusOf(true, morning, "v1", "u")),
			result: result(refused, "", ""),
			want:   statusOf(false, now, "", ""),
		},
		"DownUpgraded": {
			why:    "a version that a failing probe found is newer",
			before: statusOf(true, morning, "v0", "u"),
			result: result(refused, "v1", ""),
			want:   statusOf(false, now, "v1", "u"),
		},
		"UpNameless": {
			why:    "a spoke that is reachable and does not report a user has none any more",
			before: statusOf(true, morning, "v1", "u"),
			result: result(nil, "v1", ""),
			want:   statusOf(true, morning, "v1", ""),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			profile := &inventoryv1alpha1.ClusterProfile{}
			profile.Labels = map[string]string{v1alpha1.LabelInventoryMemberID: "m"}
			got := (&spoke.Report{Profile: profile, Result: tc.result, At: noon}).Status(tc.before, nil)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			again := (&spoke.Report{Profile: profile, Result: tc.result, At: noon.Add(time.Minute)}).Status(got, nil)
			again.LastProbeTime = got.LastProbeTime
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("%s: the same result changed the status, -before +after:\n%s", tc.why, diff)
			}
		})
	}
}

func TestStatusHasConditionsOfItsOwnOnly(t *testing.T) {
	before := statusOf(true, morning, "v1", "u")
	before.Conditions = append(before.Conditions,
		metav1.Condition{Type: "Expiring", Status: "False", Reason: "ExpiresLater", LastTransitionTime: morning},
		metav1.Condition{Type: "Audited", Status: "True", Reason: "ByHand", LastTransitionTime: morning})
	report := &spoke.Report{Profile: &inventoryv1alpha1.ClusterProfile{}, At: noon}
	if got := report.Status(before, nil).Conditions; len(got) != 1 || got[0].Type != "Reachable" {
		t.Errorf("nothing is known to expire, and the condition of another writer is not ours; got %+v", got)
	}
}
