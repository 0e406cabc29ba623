// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
)

// TestBoard plays what feeds may report to a board, in the orders in which it may arrive.
func TestBoard(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "a", Name: "london", CreationTimestamp: metav1.NewTime(later().Add(-72 * time.Hour))}
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: meta}
	profile.Spec.ClusterManager.Name = "test"
	check := &v1alpha1.SpokeCheck{ObjectMeta: meta}
	check.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable}}
	put := func(b *board) error { b.put(profile); b.put(check); return nil }
	delivered := func(b *board) error { b.delivered(); return nil }
	forbidden := errors.New("forbidden")
	const header, row = "NAME NAMESPACE MANAGER VERSION HEALTHY REACHABLE AGE", "london a test <none> <none> "
	cases := map[string]struct {
		why     string
		changes []change
		out     []string
		said    []string
	}{
		"NotAll":      {why: "one of two feeds has not delivered", changes: []change{put, delivered}},
		"All":         {why: "a row has what both deliver", changes: []change{put, delivered, delivered}, out: []string{header, row + "True"}},
		"Again":       {why: "what is the same is not printed again", changes: []change{put, delivered, delivered, put}, out: []string{header, row + "True"}},
		"CheckFirst":  {why: "a check may arrive before its profile", changes: []change{func(b *board) error { b.put(check); return nil }, delivered, delivered, put}, out: []string{header, row + "True"}},
		"CheckGone":   {why: "then nobody has checked", changes: []change{put, delivered, delivered, func(b *board) error { b.remove(check); return nil }}, out: []string{header, row + "True", row + "<none>"}},
		"RightLost":   {why: "what was seen by it is taken back, and said", changes: []change{put, delivered, delivered, func(b *board) error { b.blind("a", forbidden); return nil }}, out: []string{header, row + "True", row + "<unknown>"}, said: []string{"SpokeChecks can no longer be watched: forbidden"}},
		"NeverHad":    {why: "the column is left out", changes: []change{put, func(b *board) error { b.blind("a", forbidden); return nil }, delivered, delivered}, out: []string{"NAME NAMESPACE MANAGER VERSION HEALTHY AGE", "london a test <none> <none>"}, said: []string{"REACHABLE is not shown: you may not read SpokeChecks (capi-inventory.dev) in the namespace a."}},
		"GoneUnseen":  {why: "what was never printed is not printed as deleted", changes: []change{put, func(b *board) error { b.remove(profile); return nil }, delivered, delivered}},
		"GoneAndBack": {why: "it is a new one", changes: []change{put, delivered, delivered, func(b *board) error { b.remove(profile); return nil }, put}, out: []string{header, row + "True", row + "True deleted", row + "True"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out, errOut screen
			o := &options{IOStreams: genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, now: later}
			b := &board{
				lister:   &lister{options: o, outputFlags: outputFlags{format: outputTable}, namespaces: []string{"a"}, checks: lookup.NewChecks()},
				profiles: map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{}, printed: map[types.NamespacedName]string{}, pending: 2,
			}
			for _, change := range tc.changes {
				must(t, change(b))
			}
			if b.table != nil {
				must(t, b.table.Flush())
			}
			if diff := cmp.Diff(strings.Join(tc.out, "\n"), strings.Join(out.lines(), "\n")); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(strings.Join(tc.said, "\n"), strings.Join(errOut.lines(), "\n")); diff != "" {
				t.Errorf("%s\nsaid -want +got:\n%s", tc.why, diff)
			}
		})
	}
}
