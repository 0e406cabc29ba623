// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spoke_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

func steps(names ...string) []probe.Step {
	var all []probe.Step
	for _, name := range names {
		all = append(all, probe.Step{Name: name})
	}
	return all
}

func TestStagesEndWithTheFailure(t *testing.T) {
	cases := map[string]struct {
		why    string
		reason string
		steps  []probe.Step
		want   string
	}{
		"Reachable": {
			why:   "all was well",
			steps: steps("plugin", "connect", "tls", "readyz", "version", "whoami"),
			want:  "access plugin connect tls readyz version whoami",
		},
		"Cached": {
			why:   "a credential from before needs no plugin",
			steps: steps("connect", "tls", "readyz"),
			want:  "access connect tls readyz",
		},
		"NoProvider":    {why: "there was no access", reason: v1alpha1.ReasonNoAccessProvider, want: "access!"},
		"InvalidServer": {why: "nothing was dialled", reason: v1alpha1.ReasonInvalidAccess, want: "access!"},
		"BadTLS": {
			why:    "the profile is to blame, and not the plugin that ran before",
			reason: v1alpha1.ReasonInvalidAccess,
			steps:  steps("plugin"),
			want:   "access!",
		},
		"LocalName": {
			why:    "the name leads to this machine",
			reason: v1alpha1.ReasonInvalidAccess,
			steps:  steps("plugin", "resolve", "connect", "readyz"),
			want:   "access plugin resolve connect!",
		},
		"Plugin": {
			why:    "nothing was dialled",
			reason: v1alpha1.ReasonCredentialsFailed,
			steps:  steps("plugin"),
			want:   "access plugin!",
		},
		"NoName": {
			why:    "the question was begun and not put",
			reason: v1alpha1.ReasonNameNotResolved,
			steps:  steps("plugin", "resolve", "readyz"),
			want:   "access plugin resolve!",
		},
		"Refused": {
			why:    "the question was begun and not put",
			reason: v1alpha1.ReasonConnectFailed,
			steps:  steps("plugin", "connect", "readyz"),
			want:   "access plugin connect!",
		},
		"Proxy": {
			why:    "the proxy does not lead on",
			reason: v1alpha1.ReasonConnectFailed,
			steps:  steps("plugin", "connect", "proxy", "readyz"),
			want:   "access plugin connect proxy!",
		},
		"HungUp": {
			why:    "closed in the midst of the handshake",
			reason: v1alpha1.ReasonConnectFailed,
			steps:  steps("plugin", "connect", "tls", "readyz"),
			want:   "access plugin connect tls!",
		},
		"Certificate": {
			why:    "another server",
			reason: v1alpha1.ReasonTLSFailed,
			steps:  steps("plugin", "connect", "tls", "readyz"),
			want:   "access plugin connect tls!",
		},
		"Unauthorized": {
			why:    "any question may be answered so",
			reason: v1alpha1.ReasonUnauthorized,
			steps:  steps("plugin", "connect", "tls", "readyz"),
			want:   "access plugin connect tls readyz!",
		},
		"WrongCluster": {
			why:    "the last question of all",
			reason: v1alpha1.ReasonWrongCluster,
			steps:  steps("connect", "tls", "readyz", "identity"),
			want:   "access connect tls readyz identity!",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			result := spoke.Report{Profile: &inventoryv1alpha1.ClusterProfile{}}
			result.Steps = tc.steps
			if tc.reason != "" {
				result.Failure = failure.New(tc.reason, "why")
			}
			var got []string
			for _, stage := range result.Stages() {
				mark := ""
				if !stage.OK {
					mark = "!"
				}
				if stage.OK == (stage.Said == "why") {
					t.Errorf("the failure belongs to the stage that failed, not to %s", stage.Name)
				}
				got = append(got, stage.Name+mark)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// crowd returns as soon as all checks have started, so it never returns if fewer run at once.
type crowd struct {
	all sync.WaitGroup
}

func (c *crowd) Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
	c.all.Done()
	c.all.Wait()
	var seen spoke.Result
	seen.Version = profile.Name
	if ctx.Err() != nil {
		seen.Failure = failure.New(v1alpha1.ReasonNotReady, "interrupted")
	}
	return seen
}

func TestCheckAllIsParallelAndOrdered(t *testing.T) {
	var profiles []inventoryv1alpha1.ClusterProfile
	for _, name := range []string{"a", "b", "c", "d"} {
		profiles = append(profiles, inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	checker := &crowd{}
	checker.all.Add(len(profiles))
	var done sync.Map
	results, err := spoke.CheckAll(t.Context(), checker, profiles, spoke.Options{
		Concurrency: len(profiles),
		Done:        func(r *spoke.Report) { done.Store(r.Profile.Name, true) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		if _, called := done.Load(profiles[i].Name); !called || result.Version != profiles[i].Name ||
			result.SpokeCheck().Name != profiles[i].Name {
			t.Errorf("result %d is of %s, want %s; Done was called: %t", i, result.Version, profiles[i].Name, called)
		}
	}
}

// TestSpokeCheckReportsExpirations: -o json has the expirations, and the times of the stages, that the consumer would write.
func TestSpokeCheckReportsExpirations(t *testing.T) {
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	in := func(days int) time.Time { return at.Add(time.Duration(days) * 24 * time.Hour) }
	result := spoke.Report{Profile: &inventoryv1alpha1.ClusterProfile{}, At: at}
	result.ClusterID = "uid"
	result.Expirations = []probe.Expiration{
		{What: v1alpha1.ExpiringServingCertificate, At: in(200), Lifetime: 365 * 24 * time.Hour},
		{What: v1alpha1.ExpiringClientCertificate, At: in(7), Lifetime: 365 * 24 * time.Hour},
		{What: v1alpha1.ExpiringToken, At: in(1), Lifetime: 24 * time.Hour},
	}
	result.Steps = []probe.Step{
		{Name: probe.StepConnect, Took: 7*time.Millisecond + 900*time.Microsecond},
		{Name: probe.StepTLS, Took: 12 * time.Millisecond},
	}
	first := metav1.NewTime(in(7))
	want := v1alpha1.SpokeCheckStatus{
		ClusterID: "uid",
		Stages:    []v1alpha1.CheckStage{{Name: "access"}, {Name: "connect", Milliseconds: 7}, {Name: "tls", Milliseconds: 12}},
		Expires:   &first,
		Expirations: []v1alpha1.Expiration{
			{Kind: v1alpha1.ExpiringClientCertificate, Time: first},
			{Kind: v1alpha1.ExpiringServingCertificate, Time: metav1.NewTime(in(200))},
		},
	}
	got := result.SpokeCheck().Status
	expiring := meta.FindStatusCondition(got.Conditions, v1alpha1.ConditionExpiring)
	if expiring == nil || expiring.Status != metav1.ConditionTrue || expiring.Reason != v1alpha1.ReasonExpiresSoon {
		t.Errorf("a certificate that expires within two weeks must be warned of; got %+v", expiring)
	}
	got.Conditions, got.LastProbeTime = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// interrupting ends the context during the first check.
type interrupting struct {
	cancel context.CancelFunc
	checks int
}

func (i *interrupting) Check(context.Context, *inventoryv1alpha1.ClusterProfile) spoke.Result {
	i.checks++
	i.cancel()
	return spoke.Result{}
}

func TestCheckAllStartsNothingAfterAnInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	checker := &interrupting{cancel: cancel}
	profiles := make([]inventoryv1alpha1.ClusterProfile, 3)
	if _, err := spoke.CheckAll(ctx, checker, profiles, spoke.Options{Concurrency: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("reports after an interruption are not complete, and the error must say so; got %v", err)
	}
	if checker.checks != 1 {
		t.Errorf("%d spokes were checked although the first check was interrupted", checker.checks)
	}
}
