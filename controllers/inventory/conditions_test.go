// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

func TestConditions(t *testing.T) {
	problems := func(reason string) []state.ClusterProblem {
		return []state.ClusterProblem{{Problem: profile.Problem{Reason: reason, Message: "here"}}}
	}
	one := []*inventoryv1alpha1.ClusterProfile{{}}
	deleted := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{Time: time.Now()}}}
	held := []*inventoryv1alpha1.ClusterProfile{{ObjectMeta: deleted.ObjectMeta}}
	const valid = "True Valid"
	for name, tc := range map[string]struct {
		why       string
		inventory *v1alpha1.Inventory
		summary   summary
		// want has the status and the reason of each condition.
		want map[string]string
	}{
		"Published": {
			why:     "every selected Cluster has its profile",
			summary: summary{complete: true, clusters: 1, published: one},
			want:    map[string]string{"Accepted": valid, "Ready": "True Published", "Degraded": "False NoProblems"},
		},
		"Empty": {
			why:     "no Cluster is selected",
			summary: summary{complete: true},
			want:    map[string]string{"Accepted": valid, "Ready": "True Published", "Degraded": "False NoProblems"},
		},
		"Incomplete": {
			why:     "not every Cluster has been reconciled yet",
			summary: summary{clusters: 1, published: one},
			want:    map[string]string{"Accepted": valid, "Ready": "Unknown Publishing", "Degraded": "Unknown Publishing"},
		},
		"Missing": {
			why:     "a profile is not in the cache yet",
			summary: summary{complete: true, clusters: 2, published: one},
			want:    map[string]string{"Accepted": valid, "Ready": "Unknown Publishing", "Degraded": "False NoProblems"},
		},
		"Terminating": {
			why:     "a consumer's finalizer holds the profile, perhaps that of an earlier Cluster",
			summary: summary{complete: true, clusters: 1, published: held},
			want:    map[string]string{"Accepted": valid, "Ready": "Unknown Publishing", "Degraded": "False NoProblems"},
		},
		"NotPublished": {
			why:     "a Cluster is not published as wanted, and that does not pass by itself",
			summary: summary{complete: true, clusters: 1, published: one, problems: problems(v1alpha1.ProblemForeignProfile)},
			want: map[string]string{
				"Accepted": valid, "Ready": "False NotPublished", "Degraded": "True Problems", "Stalled": "True NotPublished",
			},
		},
		"Passing": {
			why:     "the publisher waits for something",
			summary: summary{complete: true, clusters: 1, published: one, problems: problems(v1alpha1.ProblemWaitingForObjects)},
			want:    map[string]string{"Accepted": valid, "Ready": "Unknown Publishing", "Degraded": "True Problems"},
		},
		"PartOfAProfile": {
			why:     "a part of a profile is left out, and the rest is published",
			summary: summary{complete: true, clusters: 1, published: one, problems: problems(v1alpha1.ProblemLabelSkipped)},
			want:    map[string]string{"Accepted": valid, "Ready": "True Published", "Degraded": "True Problems"},
		},
		"Invalid": {
			why:     "the specification cannot work",
			summary: summary{complete: true, published: one, invalid: errors.New("spec.properties[x].expression: broken")},
			want: map[string]string{
				"Accepted": "False InvalidSpec", "Ready": "False InvalidSpec",
				"Degraded": "False NoProblems", "Stalled": "True InvalidSpec",
			},
		},
		"Deleted": {
			why:       "a deletion is not stalled",
			inventory: deleted,
			summary:   summary{complete: true, published: one},
			want:      map[string]string{"Accepted": valid, "Ready": "False Terminating", "Degraded": "False NoProblems"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inventory := tc.inventory
			if inventory == nil {
				inventory = &v1alpha1.Inventory{}
			}
			got := map[string]string{}
			for _, condition := range tc.summary.conditions(inventory) {
				got[condition.Type] = string(condition.Status) + " " + condition.Reason
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestDebounce(t *testing.T) {
	for name, tc := range map[string]struct {
		why         string
		took, after time.Duration
	}{
		"First":   {why: "changes are collected at least that long", after: statusDebounce},
		"Fast":    {why: "a summary that takes a millisecond may be written once a second", took: time.Millisecond, after: statusDebounce},
		"Slow":    {why: "summaries take 2 % of the time", took: 100 * time.Millisecond, after: 5 * time.Second},
		"Blocked": {why: "a busy machine says nothing about the next one", took: time.Minute, after: maxStatusDebounce},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{}
			r.summaryDuration.Store(int64(tc.took))
			if got := r.debounce(); got != tc.after {
				t.Errorf("%s: got %s, want %s", tc.why, got, tc.after)
			}
		})
	}
}
