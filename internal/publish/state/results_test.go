// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

var (
	p1 = types.NamespacedName{Namespace: "fleet", Name: "p1"}
	c1 = types.NamespacedName{Namespace: "team-a", Name: "c1"}
	c2 = types.NamespacedName{Namespace: "team-b", Name: "c1"}

	revision1 = profile.Revision{UID: "u", Generation: 1}
	revision2 = profile.Revision{UID: "u", Generation: 2}

	problem   = profile.Problem{Reason: "Problem", Message: "here"}
	inDefault = map[string][]profile.Problem{"default": {problem}}
)

// notified returns the Inventories that were notified since the last call.
func notified(r *state.Results) (names []string) {
	for len(r.Changed()) > 0 {
		names = append(names, (<-r.Changed()).Object)
	}
	return names
}

// selected is the result of a Cluster that the Inventory "default" selects.
func selected(revision profile.Revision, problems map[string][]profile.Problem) state.Result {
	return state.Result{
		Revisions: map[string]profile.Revision{"default": revision},
		Selecting: []string{"default"},
		Problems:  problems,
	}
}

func TestResults(t *testing.T) {
	type record func(*state.Results) []profile.Problem
	reconciled := func(cluster types.NamespacedName, result state.Result) record {
		return func(r *state.Results) []profile.Problem { return r.Record(cluster, result) }
	}
	for name, tc := range map[string]struct {
		why    string
		before []record
		last   record
		wanted profile.Revision
		// added are the problems that the last record returns, notified the Inventories that it notifies.
		added    []profile.Problem
		notified []string
		want     state.Summary
	}{
		"NewProblem": {
			why:      "it is to be reported",
			last:     reconciled(c1, selected(revision1, inDefault)),
			added:    []profile.Problem{problem},
			notified: []string{"default"},
			want:     state.Summary{Clusters: 1, Complete: true, Problems: []state.ClusterProblem{{Cluster: c1, Problem: problem}}},
		},
		"SameAgain": {
			why:    "nothing has changed",
			before: []record{reconciled(c1, selected(revision1, inDefault))},
			last:   reconciled(c1, selected(revision1, inDefault)),
			want:   state.Summary{Clusters: 1, Complete: true, Problems: []state.ClusterProblem{{Cluster: c1, Problem: problem}}},
		},
		"OlderRevision": {
			why:      "not every Cluster was reconciled with what the Inventory wants now",
			before:   []record{reconciled(c1, selected(revision1, nil))},
			last:     reconciled(c2, selected(revision2, nil)),
			wanted:   revision2,
			notified: []string{"default"},
			want:     state.Summary{Clusters: 2},
		},
		"NewRevision": {
			why:      "the Cluster was reconciled again",
			before:   []record{reconciled(c1, selected(revision1, inDefault))},
			last:     reconciled(c1, selected(revision2, nil)),
			wanted:   revision2,
			notified: []string{"default"},
			want:     state.Summary{Clusters: 1, Complete: true},
		},
		"Existing": {
			why:      "an earlier process has reported the problem",
			before:   []record{func(r *state.Results) []profile.Problem { r.Existing(c1); return nil }},
			last:     reconciled(c1, selected(revision1, inDefault)),
			notified: []string{"default"},
			want:     state.Summary{Clusters: 1, Complete: true, Problems: []state.ClusterProblem{{Cluster: c1, Problem: problem}}},
		},
		"ExistingTwice": {
			why: "a problem that comes later is new",
			before: []record{
				func(r *state.Results) []profile.Problem { r.Existing(c1); return nil },
				reconciled(c1, selected(revision1, nil)),
			},
			last:     reconciled(c1, selected(revision1, inDefault)),
			added:    []profile.Problem{problem},
			notified: []string{"default"},
			want:     state.Summary{Clusters: 1, Complete: true, Problems: []state.ClusterProblem{{Cluster: c1, Problem: problem}}},
		},
		"Unwatched": {
			why:      "no revision is waited for, and it is not selected",
			before:   []record{reconciled(c1, selected(revision1, nil))},
			last:     func(r *state.Results) []profile.Problem { r.RecordUnwatched(c1, inDefault, false); return nil },
			wanted:   revision2,
			notified: []string{"default"},
			want:     state.Summary{Complete: true, Problems: []state.ClusterProblem{{Cluster: c1, Problem: problem}}},
		},
		"Deleted": {
			why:      "nothing is left of it",
			before:   []record{reconciled(c1, selected(revision1, inDefault))},
			last:     func(r *state.Results) []profile.Problem { r.RecordDeleted(c1, nil); return nil },
			wanted:   revision2,
			notified: []string{"default"},
			want:     state.Summary{Complete: true},
		},
		"DeletedWithProfiles": {
			why:      "its profiles are still there",
			before:   []record{reconciled(c1, selected(revision1, nil))},
			last:     func(r *state.Results) []profile.Problem { r.RecordDeleted(c1, inDefault); return nil },
			notified: []string{"default"},
			want:     state.Summary{Complete: true, Problems: []state.ClusterProblem{{Cluster: c1, Problem: problem}}},
		},
		"Deselected": {
			why:    "no Inventory selects it any more",
			before: []record{reconciled(c1, selected(revision1, nil))},
			last: reconciled(c1, state.Result{
				Revisions: map[string]profile.Revision{"default": revision1},
			}),
			notified: []string{"default"},
			want:     state.Summary{Complete: true},
		},
		"ProblemOfUnselected": {
			why: "the Inventory has published it before",
			last: reconciled(c1, state.Result{
				Revisions: map[string]profile.Revision{"default": revision1},
				Problems:  inDefault,
			}),
			added:    []profile.Problem{problem},
			notified: []string{"default"},
			want:     state.Summary{Complete: true, Problems: []state.ClusterProblem{{Cluster: c1, Problem: problem}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := state.NewResults(nil)
			for _, record := range tc.before {
				record(r)
			}
			notified(r)
			if diff := cmp.Diff(tc.added, tc.last(r)); diff != "" {
				t.Errorf("%s: new problems -want +got:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.notified, notified(r)); diff != "" {
				t.Errorf("%s: notified -want +got:\n%s", tc.why, diff)
			}
			wanted := tc.wanted
			if wanted == (profile.Revision{}) {
				wanted = revision1
			}
			if diff := cmp.Diff(tc.want, r.Summary("default", wanted)); diff != "" {
				t.Errorf("%s: summary -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestSeen(t *testing.T) {
	r := state.NewResults(nil)
	r.Existing(c1)
	if r.Seen(c1) {
		t.Error("a Cluster that exists has not been reconciled for that reason")
	}
	r.Record(c1, selected(revision1, inDefault))
	r.RecordUnwatched(c2, nil, true)
	if !r.Seen(c1) || !r.Seen(c2) {
		t.Error("both have a result, though that of c2 is empty")
	}
	if diff := cmp.Diff([]profile.Problem{problem}, r.Problems(c1, "default")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r.RecordUnwatched(c2, nil, false)
	if r.Seen(c2) {
		t.Error("a name that no Cluster of the cache has is forgotten")
	}
	r.RecordDeleted(c1, nil)
	if r.Seen(c1) || len(r.Problems(c1, "default")) > 0 {
		t.Error("a deleted Cluster is forgotten")
	}
}

// No client receives changes when the process ends: no controller may be blocked by them then.
func TestResultsAfterTheEnd(t *testing.T) {
	done := make(chan struct{})
	close(done)
	r := state.NewResults(done)
	for generation := range int64(2000) {
		problems := map[string][]profile.Problem{}
		if generation%2 == 0 {
			problems = inDefault
		}
		r.Record(c1, selected(profile.Revision{Generation: generation}, problems))
	}
}

// A Cluster that existed is unobserved until there is any result of it, or until it is gone.
func TestUnobserved(t *testing.T) {
	for name, tc := range map[string]struct {
		why    string
		change func(*state.Results)
		want   bool
	}{
		"Existing":  {why: "it has not been reconciled", change: func(*state.Results) {}, want: true},
		"Another":   {why: "it was another one", change: func(r *state.Results) { r.Record(c2, state.Result{}) }, want: true},
		"Recorded":  {why: "it was reconciled", change: func(r *state.Results) { r.Record(c1, state.Result{}) }},
		"Deleted":   {why: "it is gone", change: func(r *state.Results) { r.RecordDeleted(c1, nil) }},
		"Unwatched": {why: "it is left as it is", change: func(r *state.Results) { r.RecordUnwatched(c1, nil, true) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := state.NewResults(nil)
			r.Existing(c1)
			if tc.change(r); r.Unobserved() != tc.want {
				t.Errorf("%s: unobserved is %t", tc.why, r.Unobserved())
			}
		})
	}
}

func TestStrays(t *testing.T) {
	stray := &inventoryv1alpha1.ClusterProfile{}
	stray.Namespace, stray.Name = p1.Namespace, p1.Name
	r := state.NewResults(nil)
	for _, step := range []struct {
		why       string
		inventory string
		problems  []profile.Problem
		changed   bool
		notified  []string
		stray     bool
		summary   int
	}{
		{why: "it was none before"},
		{
			why:       "it is one now",
			inventory: "default",
			problems:  inDefault["default"],
			changed:   true,
			notified:  []string{"default"},
			stray:     true,
			summary:   1,
		},
		{why: "it is still one", inventory: "default", problems: inDefault["default"], stray: true, summary: 1},
		{
			why:       "another Inventory reports it",
			inventory: "other",
			problems:  inDefault["default"],
			changed:   true,
			notified:  []string{"default", "other"},
			stray:     true,
		},
		{why: "no Inventory can report it", problems: inDefault["default"], changed: true, notified: []string{"other"}, stray: true},
		{why: "it is repaired", changed: true},
	} {
		if got := r.RecordStray(p1, step.inventory, step.problems); got != step.changed {
			t.Errorf("%s: changed is %t", step.why, got)
		}
		if diff := cmp.Diff(step.notified, notified(r)); diff != "" {
			t.Errorf("%s: notified -want +got:\n%s", step.why, diff)
		}
		if got := r.IsStray(stray); got != step.stray {
			t.Errorf("%s: stray is %t", step.why, got)
		}
		if got := len(r.Summary("default", revision1).Problems); got != step.summary {
			t.Errorf("%s: the summary has %d problems", step.why, got)
		}
	}
}
