// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

const (
	heartbeat = 5 * time.Minute
	long      = time.Hour
	short     = 59 * time.Second
)

var trusting = v1alpha1.InventorySpec{SpokeCheckPolicy: v1alpha1.SpokeCheckPolicyTrust}

// checkOption changes a SpokeCheck that is being built.
type checkOption func(*v1alpha1.SpokeCheck)

// spokeCheck is fresh, of the profile that shown returns, and has said the same for an hour: that the spoke is reachable.
func spokeCheck(options ...checkOption) *v1alpha1.SpokeCheck {
	check := &v1alpha1.SpokeCheck{
		ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{Kind: "ClusterProfile", Name: "c1", UID: "p1"}}},
		Status: v1alpha1.SpokeCheckStatus{
			Server:            "https://10.0.0.1:6443",
			KubernetesVersion: "v1.35.1",
			LastProbeTime:     &metav1.Time{Time: now.Add(-time.Minute)},
			HeartbeatSeconds:  int32(heartbeat.Seconds()),
		},
	}
	reachable(long)(check)
	for _, option := range options {
		option(check)
	}
	return check
}

func reachable(since time.Duration) checkOption {
	return says(metav1.ConditionTrue, v1alpha1.ReasonReachable, since)
}

func fails(reason string, since time.Duration) checkOption {
	return says(metav1.ConditionFalse, reason, since)
}

func says(status metav1.ConditionStatus, reason string, since time.Duration) checkOption {
	return func(check *v1alpha1.SpokeCheck) {
		check.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionReachable, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(now.Add(-since)),
		}}
	}
}

func probed(ago time.Duration) checkOption {
	return func(check *v1alpha1.SpokeCheck) { check.Status.LastProbeTime.Time = now.Add(-ago) }
}

func version(v string) checkOption {
	return func(check *v1alpha1.SpokeCheck) { check.Status.KubernetesVersion = v }
}

// shown is the published profile, with a health that is so old.
func shown(reason string, since time.Duration) *inventoryv1alpha1.ClusterProfile {
	status := metav1.ConditionUnknown
	if reason == v1alpha1.ReasonProbeSucceeded || reason == v1alpha1.ReasonSpokeAnswers {
		status = metav1.ConditionTrue
	}
	p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{UID: types.UID("p1")}}
	p.Status.Version.Kubernetes = "v1.34.9"
	p.Status.Conditions = []metav1.Condition{{
		Type: "ControlPlaneHealthy", Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(now.Add(-since)),
	}}
	p.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{
		{Name: "of-the-publisher", Cluster: clientcmdv1.Cluster{Server: "https://10.0.0.1:6443"}},
		{Name: "of-another", Cluster: clientcmdv1.Cluster{Server: "https://evil.example.com"}},
	}
	owned, all := map[string]any{}, map[string]any{}
	return owning(p, "status", map[string]any{"f:status": map[string]any{
		"f:version":    map[string]any{"f:kubernetes": owned},
		"f:conditions": map[string]any{`k:{"type":"ControlPlaneHealthy"}`: map[string]any{"f:reason": all, "f:status": all}},
		"f:accessProviders": map[string]any{
			`k:{"name":"of-the-publisher"}`: map[string]any{"f:cluster": map[string]any{"f:server": all}},
		},
	}})
}

// checkCase is a SpokeCheck beside a profile, and what becomes of the profile's health.
type checkCase struct {
	why     string
	options []fixture.ClusterOption
	down    bool
	shown   *inventoryv1alpha1.ClusterProfile
	check   *v1alpha1.SpokeCheck
	ignored bool
	unknown bool
	want    string
}

func (tc checkCase) facts(t *testing.T) profile.Facts {
	t.Helper()
	f := facts(fixture.Cluster("a", "c1", append([]fixture.ClusterOption{fixture.Provisioned("v1.36.3")}, tc.options...)...))
	f.ClusterAPIDown, f.SpokeCheck, f.Published = tc.down, tc.check, read(t, tc.shown)
	f.SpokeCheckUnknown = tc.unknown
	return f
}

func (tc checkCase) run(t *testing.T, trusting, ignoring *profile.Inventory) {
	t.Helper()
	inventory := trusting
	if tc.ignored {
		inventory = ignoring
	}
	out, _ := inventory.Status(tc.facts(t), 1)
	got := condition(t, out.Status, "ControlPlaneHealthy")
	want := metav1.ConditionUnknown
	switch tc.want {
	case v1alpha1.ReasonProbeSucceeded, v1alpha1.ReasonSpokeAnswers:
		want = metav1.ConditionTrue
	case v1alpha1.ReasonControlPlaneUnavailable:
		want = metav1.ConditionFalse
	}
	if got.Reason != tc.want || got.Status != want {
		t.Errorf("%s: got %s %s, want %s %s", tc.why, got.Status, got.Reason, want, tc.want)
	}
}

func runChecks(t *testing.T, cases map[string]checkCase) {
	t.Helper()
	trusts, ignores := compile(t, trusting), compile(t, v1alpha1.InventorySpec{SpokeCheckPolicy: v1alpha1.SpokeCheckPolicyIgnore})
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { tc.run(t, trusts, ignores) })
	}
}

var cutOff = fixture.Condition(clusterv1.ClusterRemoteConnectionProbeCondition, metav1.ConditionFalse)

// TestSpokeCheckCounts: which rows of the table of ControlPlaneHealthy a SpokeCheck changes.
func TestSpokeCheckCounts(t *testing.T) {
	unavailable := fixture.Condition(clusterv1.ClusterControlPlaneAvailableCondition, metav1.ConditionFalse)
	uninitialized := func(c *clusterv1.Cluster) { c.Status.Initialization.ControlPlaneInitialized = nil }
	silent, healthy := spokeCheck(fails("ConnectFailed", long)), shown("ProbeSucceeded", long)
	runChecks(t, map[string]checkCase{
		"Answers":       {why: "nothing is contradicted", shown: healthy, check: spokeCheck(), want: "ProbeSucceeded"},
		"Silent":        {why: "a probe that nobody repeats stays True", shown: healthy, check: silent, want: "SpokeSilent"},
		"NoCheck":       {why: "there is no consumer", shown: healthy, want: "ProbeSucceeded"},
		"NoProfile":     {why: "a SpokeCheck is of a profile", check: silent, want: "ProbeSucceeded"},
		"Ignored":       {why: "the policy is Ignore", shown: healthy, check: silent, ignored: true, want: "ProbeSucceeded"},
		"IgnoredAnswer": {why: "likewise", shown: healthy, check: spokeCheck(), down: true, ignored: true, want: "ClusterAPIDown"},
		"ProbeFailed": {
			why: "Cluster API has not looked again", shown: shown("ProbeFailed", long), check: spokeCheck(),
			options: []fixture.ClusterOption{cutOff}, want: "SpokeAnswers",
		},
		"ProbeFailedStandalone": {
			why: "there is the probe alone", shown: shown("ProbeFailed", long), check: spokeCheck(),
			options: []fixture.ClusterOption{standalone, cutOff}, want: "SpokeAnswers",
		},
		"BothFail": {
			why: "they agree", shown: shown("ProbeFailed", long), check: silent,
			options: []fixture.ClusterOption{cutOff}, want: "ProbeFailed",
		},
		"Down":       {why: "Cluster API is silent", shown: healthy, check: spokeCheck(), down: true, want: "SpokeAnswers"},
		"DownSilent": {why: "nobody answers", shown: healthy, check: silent, down: true, want: "ClusterAPIDown"},
		"Paused": {
			why: "frozen conditions are stale", shown: shown("Paused", long), check: spokeCheck(),
			options: []fixture.ClusterOption{fixture.Paused}, want: "SpokeAnswers",
		},
		"PausedSilent": {
			why: "it is unknown in any case", shown: shown("Paused", long), check: silent,
			options: []fixture.ClusterOption{fixture.Paused}, want: "Paused",
		},
		"DownUninitialized": {
			why: "a control plane is made before it is healthy", shown: shown("ClusterAPIDown", long), check: spokeCheck(), down: true,
			options: []fixture.ClusterOption{uninitialized}, want: "ClusterAPIDown",
		},
		"NotReported": {
			why: "Cluster API's word is to come", shown: shown("NotReported", long), check: spokeCheck(),
			options: []fixture.ClusterOption{without(clusterv1.ClusterRemoteConnectionProbeCondition)}, want: "NotReported",
		},
		"Unavailable": {
			why: "Cluster API knows of machines what the API server does not say", shown: healthy, check: spokeCheck(),
			options: []fixture.ClusterOption{unavailable}, want: "ControlPlaneUnavailable",
		},
		"DownUnavailable": {
			why: "what it knew is stale", shown: healthy, check: spokeCheck(), down: true,
			options: []fixture.ClusterOption{unavailable}, want: "SpokeAnswers",
		},
	})
}

// TestSilenceIsOfTheSpoke: what else may fail for a consumer says nothing of the control plane.
func TestSilenceIsOfTheSpoke(t *testing.T) {
	cases := map[string]checkCase{}
	for reason, want := range map[string]string{
		v1alpha1.ReasonNoAccessProvider:      "ProbeSucceeded",
		v1alpha1.ReasonInvalidAccess:         "ProbeSucceeded",
		v1alpha1.ReasonReferenceNotPermitted: "ProbeSucceeded",
		v1alpha1.ReasonCredentialsFailed:     "ProbeSucceeded",
		v1alpha1.ReasonNameNotResolved:       "SpokeSilent",
		v1alpha1.ReasonConnectFailed:         "SpokeSilent",
		v1alpha1.ReasonTLSFailed:             "ProbeSucceeded",
		v1alpha1.ReasonUnauthorized:          "ProbeSucceeded",
		v1alpha1.ReasonNotReady:              "SpokeSilent",
		v1alpha1.ReasonForbidden:             "ProbeSucceeded",
		v1alpha1.ReasonWrongCluster:          "ProbeSucceeded",
		"OfTheFuture":                        "ProbeSucceeded",
	} {
		check := spokeCheck(fails(reason, long))
		cases[reason] = checkCase{why: "Cluster API says True", shown: shown("ProbeSucceeded", long), check: check, want: want}
		cases[reason+"WhileDown"] = checkCase{
			why: "no failure is an answer", shown: shown("ClusterAPIDown", long), check: check, down: true, want: "ClusterAPIDown",
		}
	}
	cases["Unknown"] = checkCase{
		why: "it says nothing", shown: shown("ProbeSucceeded", long), want: "ProbeSucceeded",
		check: spokeCheck(says(metav1.ConditionUnknown, v1alpha1.ReasonConnectFailed, long)),
	}
	runChecks(t, cases)
}

// TestSpokeCheckThatDoesNotCount: a check that is stale, or of something else, leaves Cluster API's word.
func TestSpokeCheckThatDoesNotCount(t *testing.T) {
	for name, change := range map[string]checkOption{
		"Stale":       probed(3 * heartbeat),
		"OfTheFuture": probed(-2 * time.Minute),
		"NeverProbed": func(c *v1alpha1.SpokeCheck) { c.Status.LastProbeTime = nil },
		"NoHeartbeat": func(c *v1alpha1.SpokeCheck) {
			c.Status.HeartbeatSeconds, c.Status.LastProbeTime.Time = 0, now.Add(time.Second)
		},
		"NoCondition":    func(c *v1alpha1.SpokeCheck) { c.Status.Conditions = nil },
		"NoOwner":        func(c *v1alpha1.SpokeCheck) { c.OwnerReferences = nil },
		"EarlierProfile": func(c *v1alpha1.SpokeCheck) { c.OwnerReferences[0].UID = "p0" },
		"EarlierServer":  func(c *v1alpha1.SpokeCheck) { c.Status.Server = "https://10.0.0.9:6443" },
		"OthersServer":   func(c *v1alpha1.SpokeCheck) { c.Status.Server = "https://evil.example.com" },
		"NoServer":       func(c *v1alpha1.SpokeCheck) { c.Status.Server = "" },
	} {
		t.Run(name, func(t *testing.T) {
			silent := spokeCheck(fails("ConnectFailed", long), change)
			runChecks(t, map[string]checkCase{
				"Answers": {
					why: "Cluster API is down", shown: shown("ClusterAPIDown", long), check: spokeCheck(change), down: true,
					want: "ClusterAPIDown",
				},
				"HasAnswered": {
					why: "it counted before", shown: shown("SpokeAnswers", long), check: spokeCheck(change), down: true,
					want: "ClusterAPIDown",
				},
				"Silent":    {why: "Cluster API works", shown: shown("ProbeSucceeded", long), check: silent, want: "ProbeSucceeded"},
				"WasSilent": {why: "it counted before", shown: shown("SpokeSilent", long), check: silent, want: "ProbeSucceeded"},
			})
		})
	}
}
