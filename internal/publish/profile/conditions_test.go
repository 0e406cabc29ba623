// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestControlPlaneHealthy(t *testing.T) {
	available, probe := clusterv1.ClusterControlPlaneAvailableCondition, clusterv1.ClusterRemoteConnectionProbeCondition
	provisioned := fixture.Provisioned("v1.36.3")
	for name, tc := range map[string]struct {
		why     string
		options []fixture.ClusterOption
		status  metav1.ConditionStatus
		reason  string
		down    bool
	}{
		"NoConditions": {why: "nothing has been reported", status: metav1.ConditionUnknown, reason: "NotReported"},
		"NotInitialized": {
			why: "an available control plane that was never initialized proves nothing",
			options: []fixture.ClusterOption{
				fixture.Condition(available, metav1.ConditionTrue),
				fixture.Condition(probe, metav1.ConditionTrue),
			},
			status: metav1.ConditionUnknown,
			reason: "NotReported",
		},
		"Paused": {
			why:     "a paused Cluster's conditions are frozen",
			options: []fixture.ClusterOption{provisioned, fixture.Paused},
			status:  metav1.ConditionUnknown,
			reason:  "Paused",
		},
		"PausedByHand": {
			why:     "the annotation pauses as the field does",
			options: []fixture.ClusterOption{provisioned, fixture.Annotations(map[string]string{clusterv1.PausedAnnotation: ""})},
			status:  metav1.ConditionUnknown,
			reason:  "Paused",
		},
		"Unavailable": {
			why:     "observed bad",
			options: []fixture.ClusterOption{provisioned, fixture.Condition(available, metav1.ConditionFalse)},
			status:  metav1.ConditionFalse,
			reason:  "ControlPlaneUnavailable",
		},
		"BothBad": {
			why: "observed bad wins over not observed",
			options: []fixture.ClusterOption{
				provisioned,
				fixture.Condition(available, metav1.ConditionFalse),
				fixture.Condition(probe, metav1.ConditionFalse),
			},
			status: metav1.ConditionFalse,
			reason: "ControlPlaneUnavailable",
		},
		"ProbeFalse": {
			why:     "the hub cannot reach it, which is not the same as bad",
			options: []fixture.ClusterOption{provisioned, fixture.Condition(probe, metav1.ConditionFalse)},
			status:  metav1.ConditionUnknown,
			reason:  "ProbeFailed",
		},
		"ProbeUnknown": {
			why:     "as false",
			options: []fixture.ClusterOption{provisioned, fixture.Condition(probe, metav1.ConditionUnknown)},
			status:  metav1.ConditionUnknown,
			reason:  "ProbeFailed",
		},
		"Healthy": {
			why:     "available and reached",
			options: []fixture.ClusterOption{provisioned},
			status:  metav1.ConditionTrue,
			reason:  "ProbeSucceeded",
		},
		"AvailableOnly": {
			why:     "a control plane that stays available by contract is not proof without the probe",
			options: []fixture.ClusterOption{provisioned, without(probe)},
			status:  metav1.ConditionUnknown,
			reason:  "NotReported",
		},
		"ProbeOnly": {
			why:     "nor the probe without availability",
			options: []fixture.ClusterOption{provisioned, without(available)},
			status:  metav1.ConditionUnknown,
			reason:  "NotReported",
		},
		"Inspecting": {
			why:     "availability unknown is unknown",
			options: []fixture.ClusterOption{provisioned, fixture.Condition(available, metav1.ConditionUnknown)},
			status:  metav1.ConditionUnknown,
			reason:  "NotReported",
		},

		"Standalone": {
			why:     "without a control plane object availability is not reported, so the probe decides",
			options: []fixture.ClusterOption{provisioned, standalone, fixture.Condition(available, metav1.ConditionUnknown)},
			status:  metav1.ConditionTrue,
			reason:  "ProbeSucceeded",
		},
		"StandaloneAvailable": {
			why:     "whatever Cluster API makes of the missing object",
			options: []fixture.ClusterOption{provisioned, standalone, fixture.Condition(available, metav1.ConditionFalse)},
			status:  metav1.ConditionTrue,
			reason:  "ProbeSucceeded",
		},
		"StandaloneProbeOnly": {
			why:     "or nothing",
			options: []fixture.ClusterOption{provisioned, standalone, without(available)},
			status:  metav1.ConditionTrue,
			reason:  "ProbeSucceeded",
		},
		"StandaloneCutOff": {
			why:     "a probe that fails is not the same as bad",
			options: []fixture.ClusterOption{provisioned, standalone, fixture.Condition(probe, metav1.ConditionFalse)},
			status:  metav1.ConditionUnknown,
			reason:  "ProbeFailed",
		},
		"StandaloneUnknown": {
			why:     "as false",
			options: []fixture.ClusterOption{provisioned, standalone, fixture.Condition(probe, metav1.ConditionUnknown)},
			status:  metav1.ConditionUnknown,
			reason:  "ProbeFailed",
		},
		"StandaloneNotProbed": {
			why:     "nothing is reported",
			options: []fixture.ClusterOption{provisioned, standalone, without(probe)},
			status:  metav1.ConditionUnknown,
			reason:  "NotReported",
		},
		"StandaloneNew": {
			why:     "a control plane that was never initialized",
			options: []fixture.ClusterOption{standalone, fixture.Condition(probe, metav1.ConditionTrue)},
			status:  metav1.ConditionUnknown,
			reason:  "NotReported",
		},

		"Down": {
			why:     "a condition that is not updated proves nothing",
			options: []fixture.ClusterOption{provisioned},
			down:    true,
			status:  metav1.ConditionUnknown,
			reason:  "ClusterAPIDown",
		},
		"DownUnavailable": {
			why:     "bad news is stale as well",
			options: []fixture.ClusterOption{provisioned, fixture.Condition(available, metav1.ConditionFalse)},
			down:    true,
			status:  metav1.ConditionUnknown,
			reason:  "ClusterAPIDown",
		},
		"DownStandalone": {
			why:     "and so is the probe",
			options: []fixture.ClusterOption{provisioned, standalone},
			down:    true,
			status:  metav1.ConditionUnknown,
			reason:  "ClusterAPIDown",
		},
		"DownNew": {
			why:    "what has not been reported will not be, until Cluster API is back",
			down:   true,
			status: metav1.ConditionUnknown,
			reason: "ClusterAPIDown",
		},
		"DownPaused": {
			why:     "a paused Cluster stays so when Cluster API is back",
			options: []fixture.ClusterOption{provisioned, fixture.Paused},
			down:    true,
			status:  metav1.ConditionUnknown,
			reason:  "Paused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(fixture.Cluster("a", "c1", tc.options...))
			f.ClusterAPIDown = tc.down
			got := condition(t, status(t, f), inventoryv1alpha1.ClusterConditionControlPlaneHealthy)
			if got.Status != tc.status || got.Reason != tc.reason {
				t.Errorf("%s: got %s %s, want %s %s", tc.why, got.Status, got.Reason, tc.status, tc.reason)
			}
		})
	}
}

func TestTransitionsAreInherited(t *testing.T) {
	earlier := metav1.NewTime(now.Add(-time.Hour))
	published := &inventoryv1alpha1.ClusterProfile{Status: inventoryv1alpha1.ClusterProfileStatus{Conditions: []metav1.Condition{
		{Type: "ControlPlaneHealthy", Status: metav1.ConditionTrue, Reason: "ProbeSucceeded", LastTransitionTime: earlier},
		{Type: "Joined", Status: metav1.ConditionFalse, Reason: "AccessNotPublished", LastTransitionTime: earlier},
	}}}
	f := facts(fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3")))
	f.Published = read(t, published)
	got := status(t, f)
	if since := condition(t, got, "ControlPlaneHealthy").LastTransitionTime; !since.Equal(&earlier) {
		t.Errorf("a status that stays keeps its time, else every look is a write: got %s", since)
	}
	if since := condition(t, got, "Joined").LastTransitionTime; !since.Time.Equal(now) {
		t.Errorf("a status that changes takes the time: got %s", since)
	}
}
