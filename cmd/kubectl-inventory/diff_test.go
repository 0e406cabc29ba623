// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
)

// TestDiff holds whole outputs of diff, as documentation and as a promise.
func TestDiff(t *testing.T) {
	file := func(name string, args ...string) []string {
		return append([]string{"diff", "-f", "testdata/diff/" + name + ".yaml"}, args...)
	}
	namespaces := "namespaces."
	planner := userWith(t, "planner", right{"", inventories, "list"}, right{"", clusters, "list"}, right{"", namespaces, "list"},
		right{"", profiles, "list"})
	tenant := userWith(t, "planning-tenant", right{"", inventories, "list"}, right{"", namespaces, "list"}, right{"team-a", clusters, see})
	for name, tc := range map[string]struct {
		why  string
		hub  string
		args []string
		code int
	}{
		"diff-new":      {why: "an Inventory that the hub does not have", args: file("new")},
		"diff-typo":     {why: "what cannot be published withdraws nothing, and is shown", args: file("typo"), code: exitUnsatisfied},
		"diff-narrower": {why: "a deselected Cluster is withdrawn", args: file("narrower"), code: exitUnsatisfied},
		"diff-renamed":  {why: "the old name is withdrawn", args: file("renamed"), code: exitUnsatisfied},
		"diff-changed":  {why: "the profiles stay, and change", args: file("changed")},
		"diff-wide":     {why: "each field and each problem", args: file("changed", "-o", "wide")},
		"diff-two":      {why: "one Inventory takes over from the other", args: file("two")},
		"diff-same":     {why: "nothing changes", args: file("same")},
		"diff-json":     {why: "for programs", args: file("narrower", "-o", "json"), code: exitUnsatisfied},
		"diff-name":     {why: "the profiles that would be deleted", args: file("renamed", "-o", "name"), code: exitUnsatisfied},
		"diff-planner":  {why: "four lists are enough", hub: planner, args: file("narrower"), code: exitUnsatisfied},
		"diff-files": {
			why: "several files", args: file("narrower", "-f", "testdata/diff/new.yaml"), code: exitUnsatisfied,
		},
		"diff-bad-kind":       {why: "the document must be named", args: file("bad-kind"), code: exitError},
		"diff-bad-version":    {why: "another version may have other fields", args: file("bad-version"), code: exitError},
		"diff-bad-field":      {why: "the API server would drop the field", args: file("bad-field"), code: exitError},
		"diff-bad-rule":       {why: "the API server would refuse the Inventory", args: file("bad-rule"), code: exitError},
		"diff-bad-expression": {why: "the publisher would refuse the Inventory", args: file("bad-expression"), code: exitError},
		"diff-twice":          {why: "only one of them would be applied", args: file("same", "-f", "testdata/diff/typo.yaml"), code: exitError},
		"diff-no-file":        {why: "the flag must be named", args: []string{"diff"}, code: exitError},
		"diff-not-installed":  {why: "the wrong cluster", hub: in("spoke.kubeconfig"), args: file("same"), code: exitError},
		"diff-rights":         {why: "the rights must be named", hub: tenant, args: file("same"), code: exitError},
	} {
		t.Run(name, func(t *testing.T) {
			hub := tc.hub
			if hub == "" {
				hub = in("hub.kubeconfig")
			}
			got := plugin(t, hub, tc.args...)
			if got.code != tc.code {
				t.Errorf("%s: exit code %d, want %d", tc.why, got.code, tc.code)
			}
			golden(t, name, tc.why, transcript(tc.args, got))
		})
	}
}
