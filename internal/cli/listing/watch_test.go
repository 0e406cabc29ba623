// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package listing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// TestWatchTable applies the changes that feeds may send, in the orders in which they may arrive.
func TestWatchTable(t *testing.T) {
	now := time.Date(2026, 1, 5, 3, 4, 5, 0, time.UTC)
	meta := metav1.ObjectMeta{Namespace: "a", Name: "london", CreationTimestamp: metav1.NewTime(now.Add(-72 * time.Hour))}
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: meta}
	profile.Spec.ClusterManager.Name = "test"
	check := &v1alpha1.SpokeCheck{ObjectMeta: meta}
	check.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable},
	}
	put := func(t *watchTable) error { t.put(profile); t.put(check); return nil }
	synced := func(t *watchTable) error { t.synced(); return nil }
	forbidden := errors.New("forbidden")
	const header, row = "NAME NAMESPACE MANAGER VERSION HEALTHY REACHABLE AGE", "london a test <none> <none> "
	cases := map[string]struct {
		why      string
		selector labels.Selector
		changes  []change
		out      []string
		warnings []string
	}{
		"NotAll": {why: "one of two feeds is not synced", changes: []change{put, synced}},
		"All":    {why: "a row has the data of both", changes: []change{put, synced, synced}, out: []string{header, row + "True"}},
		"Again": {
			why:     "an equal row is not printed again",
			changes: []change{put, synced, synced, put},
			out:     []string{header, row + "True"},
		},
		"CheckFirst": {
			why:     "a check may arrive before its profile",
			changes: []change{func(t *watchTable) error { t.put(check); return nil }, synced, synced, put},
			out:     []string{header, row + "True"},
		},
		"CheckGone": {
			why:     "without a check the cell is empty",
			changes: []change{put, synced, synced, func(t *watchTable) error { t.remove(check); return nil }},
			out:     []string{header, row + "True", row + "<none>"},
		},
		"RightLost": {
			why:      "what is no longer readable is removed, with a warning",
			changes:  []change{put, synced, synced, func(t *watchTable) error { t.hideChecks("a", forbidden); return nil }},
			out:      []string{header, row + "True", row + "<unknown>"},
			warnings: []string{"SpokeChecks can no longer be watched: forbidden"},
		},
		"NeverHad": {
			why:      "the column is omitted",
			changes:  []change{put, func(t *watchTable) error { t.hideChecks("a", forbidden); return nil }, synced, synced},
			out:      []string{"NAME NAMESPACE MANAGER VERSION HEALTHY AGE", "london a test <none> <none>"},
			warnings: []string{"REACHABLE is not shown: you may not read SpokeChecks (capi-inventory.dev) in the namespace a."},
		},
		"GoneUnseen": {
			why:     "a row that was never printed is not printed as deleted",
			changes: []change{put, func(t *watchTable) error { t.remove(profile); return nil }, synced, synced},
		},
		"NoLongerSelected": {
			why:      "a watch with a selector does not say whether the profile was deleted, or only its label",
			selector: labels.SelectorFromSet(labels.Set{"env": "prod"}),
			changes:  []change{put, synced, synced, func(t *watchTable) error { t.remove(profile); return nil }},
			out:      []string{header, row + "True", row + "True gone"},
		},
		"GoneAndBack": {
			why:     "it is a new profile",
			changes: []change{put, synced, synced, func(t *watchTable) error { t.remove(profile); return nil }, put},
			out:     []string{header, row + "True", row + "True deleted", row + "True"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			var warnings []string
			table := newWatchTable(&Listing{
				Selection: lookup.Selection{Namespace: "a", Selector: tc.selector},
				NewTable: func(headers ...string) *printers.Table {
					return printers.NewTable(&out, printers.Palette{}, headers...)
				},
				Warnf: func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) },
				Now:   func() time.Time { return now },
			}, 2)
			for _, change := range tc.changes {
				if err := change(table); err != nil {
					t.Fatal(err)
				}
			}
			if table.table != nil {
				if err := table.table.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(strings.Join(tc.out, "\n"), lines(out.String())); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(strings.Join(tc.warnings, "\n"), strings.Join(warnings, "\n")); diff != "" {
				t.Errorf("%s\nwarnings -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestWatchTicks: a row that changes with the time alone is printed when its time has come, and no other row is.
func TestWatchTicks(t *testing.T) {
	now := time.Date(2026, 1, 5, 3, 4, 5, 0, time.UTC)
	created := metav1.NewTime(now.Add(-72 * time.Hour))
	var out bytes.Buffer
	table := newWatchTable(&Listing{
		Selection: lookup.Selection{Namespace: "a"},
		NewTable: func(headers ...string) *printers.Table {
			return printers.NewTable(&out, printers.Palette{}, headers...)
		},
		Warnf: t.Errorf,
		Now:   func() time.Time { return now },
	}, 1)
	ctx, stop := context.WithCancel(t.Context())
	changes, ticks, ended := make(chan change), make(chan time.Time), make(chan error)
	go func() { ended <- table.loop(ctx, changes, ticks) }()
	// The initial state is not there yet.
	ticks <- created.Time
	changes <- func(t *watchTable) error {
		for _, name := range []string{"london", "paris"} {
			meta := metav1.ObjectMeta{Namespace: "a", Name: name, CreationTimestamp: created}
			profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: meta}
			profile.Spec.ClusterManager.Name = "test"
			t.put(profile)
		}
		probed := metav1.NewTime(now)
		check := &v1alpha1.SpokeCheck{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "london"}}
		check.Status.LastProbeTime = &probed
		check.Status.Conditions = []metav1.Condition{
			{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable},
		}
		t.put(check)
		t.synced()
		return nil
	}
	ticks <- created.Time
	changes <- func(*watchTable) error { now = now.Add(30 * time.Minute); return nil }
	ticks <- created.Time
	// The change is taken after the tick.
	changes <- func(*watchTable) error { return nil }
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want := []string{
		"NAME NAMESPACE MANAGER VERSION HEALTHY REACHABLE AGE",
		"london a test <none> <none> True",
		"paris a test <none> <none> <none>",
		"london a test <none> <none> True(stale)",
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), lines(out.String())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// lines returns rows with single spaces, and without the age.
func lines(text string) string {
	var rows []string
	for line := range strings.Lines(text) {
		rows = append(rows, strings.TrimSuffix(strings.Join(strings.Fields(line), " "), " 3d"))
	}
	return strings.Join(rows, "\n")
}
