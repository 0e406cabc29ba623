// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestSpokeCheckMustBeSteady: what has lasted for less than a minute keeps what the profile shows.
func TestSpokeCheckMustBeSteady(t *testing.T) {
	runChecks(t, map[string]checkCase{
		"JustSilent": {
			why: "one probe may fail", shown: shown("ProbeSucceeded", long), check: spokeCheck(fails("ConnectFailed", short)),
			want: "ProbeSucceeded",
		},
		"JustBack": {
			why: "one probe may succeed", shown: shown("SpokeSilent", long), check: spokeCheck(reachable(short)), want: "SpokeSilent",
		},
		"Back": {why: "it stays so", shown: shown("SpokeSilent", long), check: spokeCheck(reachable(time.Minute)), want: "ProbeSucceeded"},
		"JustAnswers": {
			why: "one probe may succeed", shown: shown("ClusterAPIDown", long), check: spokeCheck(reachable(short)), down: true,
			want: "ClusterAPIDown",
		},
		"JustFailed": {
			why: "one probe may fail", shown: shown("SpokeAnswers", long), check: spokeCheck(fails("ConnectFailed", short)), down: true,
			want: "SpokeAnswers",
		},
		"JustRefused": {
			why: "for whatever reason", shown: shown("SpokeAnswers", long), check: spokeCheck(fails("Unauthorized", short)), down: true,
			want: "SpokeAnswers",
		},
		"Failed": {
			why: "it stays so", shown: shown("SpokeAnswers", long), check: spokeCheck(fails("ConnectFailed", time.Minute)), down: true,
			want: "ClusterAPIDown",
		},
		"JustShownSilent": {
			why: "the reason may change with each probe", shown: shown("SpokeSilent", short),
			check: spokeCheck(fails("Unauthorized", long)), want: "SpokeSilent",
		},
		"JustShownHealthy": {
			why: "likewise", shown: shown("ProbeSucceeded", short), check: spokeCheck(fails("ConnectFailed", long)), want: "ProbeSucceeded",
		},
		"CameDown": {
			why: "Cluster API's word changed, and the profile stays True", shown: shown("ProbeSucceeded", short), check: spokeCheck(),
			down: true, want: "SpokeAnswers",
		},
		"ProbeIsBack": {
			why: "Cluster API's word changed, and the profile stays Unknown", shown: shown("ProbeFailed", short),
			check: spokeCheck(fails("ConnectFailed", long)), want: "SpokeSilent",
		},
		"ProbeIsBackToo": {
			why: "Cluster API's own word is followed at once", shown: shown("SpokeAnswers", short), check: spokeCheck(),
			want: "ProbeSucceeded",
		},
		"NotTheirs": {
			why: "the reason is of another writer", check: spokeCheck(reachable(short)), down: true, want: "ClusterAPIDown",
			shown: healthTaken(shown("SpokeAnswers", long)),
		},
		"WrongTime": {
			why: "a time in the future holds up nothing", shown: shown("ProbeSucceeded", -long),
			check: spokeCheck(fails("ConnectFailed", -long)), want: "SpokeSilent",
		},
		"NotListed": {
			why: "what is not known yet is not absent", shown: shown("SpokeAnswers", long), down: true, unknown: true, want: "SpokeAnswers",
		},
		"NotListedSilent": {why: "likewise", shown: shown("SpokeSilent", long), unknown: true, want: "SpokeSilent"},
		"NotListedNew": {
			why: "there is nothing to keep", shown: shown("ClusterAPIDown", long), down: true, unknown: true,
			want: "ClusterAPIDown",
		},
	})
}

// tampered is a profile of whose status the publisher owns nothing.
func tampered(p *inventoryv1alpha1.ClusterProfile) *inventoryv1alpha1.ClusterProfile {
	p = p.DeepCopy()
	p.ManagedFields = nil
	return owning(p, "", map[string]any{"f:spec": map[string]any{}})
}

// healthTaken is a profile of which another writer has set ControlPlaneHealthy.
func healthTaken(p *inventoryv1alpha1.ClusterProfile) *inventoryv1alpha1.ClusterProfile {
	owned := p.ManagedFields[0].FieldsV1
	owned.SetRawString(strings.ReplaceAll(owned.GetRawString(), "ControlPlaneHealthy", "Joined"))
	return p
}

// TestHealthDoesNotFlap plays half an hour of a spoke that is never in one state for long, with a probe in 20 seconds.
func TestHealthDoesNotFlap(t *testing.T) {
	const step = 20 * time.Second
	inventory := compile(t, trusting)
	for name, tc := range map[string]struct {
		why string
		// reasons are those of the probes, again and again.
		reasons []string
		down    bool
		want    []string
	}{
		"Flaps": {why: "each second probe fails", reasons: []string{"Reachable", "ConnectFailed"}, want: []string{"ProbeSucceeded"}},
		"FlapsWhileDown": {
			why: "no answer is steady", reasons: []string{"Reachable", "ConnectFailed"}, down: true, want: []string{"ClusterAPIDown"},
		},
		"AnotherFailure": {
			why: "a failure is as good as another", reasons: []string{"ConnectFailed", "NotReady", "NameNotResolved"},
			want: []string{"ProbeSucceeded", "SpokeSilent"},
		},
		"HangsAndRefuses": {
			why: "it is followed once a minute at most", reasons: []string{"ConnectFailed", "Unauthorized"},
			want: slices.Repeat([]string{"ProbeSucceeded", "SpokeSilent"}, 15),
		},
	} {
		t.Run(name, func(t *testing.T) {
			reason, since := "ProbeSucceeded", now
			if tc.down {
				reason = "ClusterAPIDown"
			}
			seen, check := []string{reason}, spokeCheck(reachable(0))
			for i := range int(30 * time.Minute / step) {
				probe(check, tc.reasons[i%len(tc.reasons)], now.Add(time.Duration(i)*step))
				f := checkCase{down: tc.down, shown: shown(reason, now.Sub(since)), check: check}.facts(t)
				f.Now = now.Add(time.Duration(i) * step)
				out, _ := inventory.Status(f, 1)
				if health := condition(t, out.Status, "ControlPlaneHealthy"); health.Reason != reason {
					if f.Now.Sub(since) < time.Minute {
						t.Errorf("%s, and changed after %s", health.Reason, f.Now.Sub(since))
					}
					reason, since = health.Reason, f.Now
					seen = append(seen, reason)
				}
			}
			if diff := cmp.Diff(tc.want, seen); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// probe writes the result of a probe to a SpokeCheck, as a consumer does.
func probe(check *v1alpha1.SpokeCheck, reason string, when time.Time) {
	at, status := metav1.NewTime(when), metav1.ConditionFalse
	if reason == v1alpha1.ReasonReachable {
		status = metav1.ConditionTrue
	}
	last := &check.Status.Conditions[0]
	if last.Status != status {
		last.LastTransitionTime = at
	}
	last.Status, last.Reason, check.Status.LastProbeTime = status, reason, &at
}

// TestVersionOfTheSpoke: the spoke's own version is published where Cluster API reports none.
func TestVersionOfTheSpoke(t *testing.T) {
	healthy, down := shown("ProbeSucceeded", long), fails("ConnectFailed", long)
	rolling := fixture.Condition(clusterv1.ClusterRollingOutCondition, metav1.ConditionTrue)
	for name, tc := range map[string]struct {
		why     string
		options []fixture.ClusterOption
		shown   *inventoryv1alpha1.ClusterProfile
		check   *v1alpha1.SpokeCheck
		ignored bool
		want    string
	}{
		"Reported": {
			why: "Cluster API knows better", options: []fixture.ClusterOption{fixture.Versions("v1.36.3")},
			shown: healthy, check: spokeCheck(), want: "v1.36.3",
		},
		"Seen": {why: "nobody else reports one", shown: healthy, check: spokeCheck(), want: "v1.35.1"},
		"OpenShift": {
			why: "its release is none", options: []fixture.ClusterOption{fixture.Versions("4.19.0")}, shown: healthy, check: spokeCheck(),
			want: "v1.35.1",
		},
		"Suffix":    {why: "a distribution adds to it", shown: healthy, check: spokeCheck(version("v1.35.1-gke.1")), want: "v1.35.1-gke.1"},
		"NoVersion": {why: "it is none of Kubernetes", shown: healthy, check: spokeCheck(version("dev")), want: "v1.34.9"},
		"Silent":    {why: "it may be another one when it is back", shown: healthy, check: spokeCheck(down), want: "v1.34.9"},
		"Stale":     {why: "it does not vanish with the consumer", shown: healthy, check: spokeCheck(probed(long)), want: "v1.34.9"},
		"Gone":      {why: "likewise", shown: healthy, want: "v1.34.9"},
		"WrongCluster": {
			why: "only what answers and is the spoke counts", shown: healthy, check: spokeCheck(fails("WrongCluster", long)),
			want: "v1.34.9",
		},
		"Rolling": {
			why: "another API server was asked", options: []fixture.ClusterOption{rolling}, shown: healthy, check: spokeCheck(),
			want: "v1.34.9",
		},
		"RollingBack": {
			why: "the lower one counts", options: []fixture.ClusterOption{rolling}, shown: healthy,
			check: spokeCheck(version("v1.34.1")), want: "v1.34.1",
		},
		"Tampered":  {why: "the version is of another writer", shown: tampered(healthy), check: spokeCheck(probed(long))},
		"NoProfile": {why: "there is none to keep", check: spokeCheck()},
		"Ignored":   {why: "the policy is Ignore", shown: healthy, check: spokeCheck(), ignored: true},
	} {
		t.Run(name, func(t *testing.T) {
			spec := trusting
			if tc.ignored {
				spec = v1alpha1.InventorySpec{}
			}
			options := append([]fixture.ClusterOption{fixture.Versions()}, tc.options...)
			f := checkCase{options: options, shown: tc.shown, check: tc.check}.facts(t)
			out, problems := compile(t, spec).Status(f, 1)
			got := ""
			if out.Status.Version != nil {
				got = *out.Status.Version.Kubernetes
			}
			reported := slices.ContainsFunc(problems, func(p profile.Problem) bool {
				return p.Reason == v1alpha1.ProblemVersionNotReported
			})
			if got != tc.want || reported != (tc.want == "") {
				t.Errorf("%s: got %q, want %q; reported as missing: %t", tc.why, got, tc.want, reported)
			}
		})
	}
}

// TestSpokeCheckChangesAfter: no event reports that a SpokeCheck has become stale, or that something has lasted for a minute.
func TestSpokeCheckChangesAfter(t *testing.T) {
	for name, tc := range map[string]struct {
		shown *inventoryv1alpha1.ClusterProfile
		check *v1alpha1.SpokeCheck
		want  time.Duration
	}{
		"None":      {shown: shown("ProbeSucceeded", long)},
		"NoProfile": {check: spokeCheck()},
		"Fresh":     {shown: shown("ProbeSucceeded", long), check: spokeCheck(), want: 3*heartbeat - time.Minute},
		"Young":     {shown: shown("ProbeSucceeded", long), check: spokeCheck(reachable(20 * time.Second)), want: 40 * time.Second},
		"JustShown": {shown: shown("SpokeSilent", 50*time.Second), check: spokeCheck(reachable(20 * time.Second)), want: 10 * time.Second},
		"SoonStale": {
			shown: shown("ProbeSucceeded", long), check: spokeCheck(reachable(20*time.Second), probed(3*heartbeat-time.Second)),
			want: time.Second,
		},
		"Stale": {shown: shown("ProbeSucceeded", long), check: spokeCheck(probed(3 * heartbeat))},
	} {
		t.Run(name, func(t *testing.T) {
			if got := profile.SpokeCheckChangesAfter(checkCase{shown: tc.shown, check: tc.check}.facts(t)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
