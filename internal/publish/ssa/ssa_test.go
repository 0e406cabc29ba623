// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package ssa_test

import (
	"cmp"
	"encoding/json"
	"os"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/internal/publish/ssa"
)

// manager has applied the profile of testdata/live.yaml, which is as a real API server gave it; another manager has added
// to it: a label, a finalizer, a condition and a property.
const manager = "capi-inventory-publisher"

// wanted is what manager applied to the object itself.
func wanted() map[string]any {
	return map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1alpha1",
		"kind":       "ClusterProfile",
		"metadata": map[string]any{
			"name": "london", "namespace": "fleet",
			"labels": map[string]any{"x-k8s.io/cluster-manager": "cluster-api", "env": "production"},
		},
		"spec": map[string]any{"displayName": "London", "clusterManager": map[string]any{"name": "cluster-api"}},
	}
}

// wantedStatus is what manager applied to the status.
func wantedStatus() map[string]any {
	return map[string]any{
		"apiVersion": "multicluster.x-k8s.io/v1alpha1",
		"kind":       "ClusterProfile",
		"metadata":   map[string]any{"name": "london", "namespace": "fleet"},
		"status": map[string]any{
			"version": map[string]any{"kubernetes": "v1.36.3"},
			"conditions": []any{map[string]any{
				"type": "Joined", "status": "True", "reason": "ClusterRegistered", "message": "It is published.",
				"lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 1,
			}},
			"properties": []any{map[string]any{"name": "clusterset.k8s.io", "value": "prod"}},
			"accessProviders": []any{map[string]any{
				"name": "kubeconfig-secretreader",
				"cluster": map[string]any{
					"server":                     "https://10.0.0.1:6443",
					"certificate-authority-data": "Y2E=",
					"extensions": []any{map[string]any{
						"name":      "client.authentication.k8s.io/exec",
						"extension": map[string]any{"name": "london-kubeconfig", "key": "value", "namespace": "fleet"},
					}},
				},
			}},
		},
	}
}

func TestUnchanged(t *testing.T) {
	metadata := func(object map[string]any) map[string]any { return object["metadata"].(map[string]any) }
	status := func(object map[string]any) map[string]any { return object["status"].(map[string]any) }
	for name, tc := range map[string]struct {
		why string
		// live and want change the object as it is, and as it is wanted.
		live   func(*inventoryv1alpha1.ClusterProfile)
		object func(map[string]any)
		status func(map[string]any)
		// as is who applies; manager by default.
		as                               string
		objectUnchanged, statusUnchanged bool
	}{
		"AsApplied": {
			why:             "what was applied is there, and nothing is to be written: not for the other manager's fields either",
			objectUnchanged: true, statusUnchanged: true,
		},
		"Addressed": {
			why:             "a UID only says which object is meant",
			object:          func(o map[string]any) { metadata(o)["uid"] = "d5c4a3d2" },
			objectUnchanged: true, statusUnchanged: true,
		},
		"AnotherValueWanted": {
			why:             "a wanted value that differs is written",
			object:          func(o map[string]any) { metadata(o)["labels"].(map[string]any)["env"] = "staging" },
			statusUnchanged: true,
		},
		"AnotherFieldWanted": {
			why: "a wanted field that is not owned is written, even where its value was set by another writer: we " +
				"own it from now on",
			object:          func(o map[string]any) { metadata(o)["labels"].(map[string]any)["theirs"] = "yes" },
			statusUnchanged: true,
		},
		"FieldNoLongerWanted": {
			why:             "a field that is owned and no longer wanted must be removed by a write",
			object:          func(o map[string]any) { delete(metadata(o)["labels"].(map[string]any), "env") },
			statusUnchanged: true,
		},
		"ItemNoLongerWanted": {
			why:             "so must an item of a list",
			status:          func(o map[string]any) { delete(status(o), "properties") },
			objectUnchanged: true,
		},
		"ValueChangedByAnother": {
			why: "a value that another writer has changed under our ownership is written again",
			live: func(p *inventoryv1alpha1.ClusterProfile) {
				p.Labels["env"] = "changed"
				p.Status.AccessProviders[0].Cluster.Server = "https://elsewhere:6443"
			},
		},
		"ValueRemovedByAnother": {
			why: "so is one that another writer has removed",
			live: func(p *inventoryv1alpha1.ClusterProfile) {
				delete(p.Labels, "env")
				p.Status.AccessProviders = nil
			},
		},
		"OthersFieldsChange": {
			why: "what others own is theirs to change",
			live: func(p *inventoryv1alpha1.ClusterProfile) {
				p.Labels["theirs"] = "changed"
				p.Finalizers = nil
				p.Status.Conditions[1].Message = "changed"
				p.Status.Properties[1].Value = "changed"
			},
			objectUnchanged: true, statusUnchanged: true,
		},
		"OthersOwnershipForgotten": {
			why: "the comparison needs no fields but our own: the cache keeps no others",
			live: func(p *inventoryv1alpha1.ClusterProfile) {
				p.ManagedFields = []metav1.ManagedFieldsEntry{p.ManagedFields[0], p.ManagedFields[1]}
			},
			objectUnchanged: true, statusUnchanged: true,
		},
		"Reordered": {
			why: "the order of a list is wanted too; items of others between our own do not matter",
			live: func(p *inventoryv1alpha1.ClusterProfile) {
				p.Status.Properties = []inventoryv1alpha1.Property{p.Status.Properties[1], p.Status.Properties[0]}
			},
			objectUnchanged: true, statusUnchanged: true,
		},
		"ItemsInAnotherOrder": {
			why: "the order of access providers is the Inventory's, and consumers take the first that they know",
			live: func(p *inventoryv1alpha1.ClusterProfile) {
				p.Status.AccessProviders = append([]inventoryv1alpha1.AccessProvider{{Name: "second"}}, p.Status.AccessProviders...)
				p.ManagedFields[1].FieldsV1.SetRawString(strings.Replace(p.ManagedFields[1].FieldsV1.GetRawString(),
					`"f:accessProviders":{`, `"f:accessProviders":{"k:{\"name\":\"second\"}":{".":{},"f:name":{}},`, 1))
			},
			status: func(o map[string]any) {
				status(o)["accessProviders"] = append(status(o)["accessProviders"].([]any), map[string]any{"name": "second"})
			},
			objectUnchanged: true,
		},
		"NeverApplied": {
			why: "who has applied nothing owns nothing",
			as:  "other-writer",
		},
		"StatusNeverApplied": {
			why: "the object and its status are owned apart",
			live: func(p *inventoryv1alpha1.ClusterProfile) {
				p.ManagedFields = p.ManagedFields[:1]
			},
			objectUnchanged: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			profile, object, stat := live(t), wanted(), wantedStatus()
			if tc.live != nil {
				tc.live(profile)
			}
			if tc.object != nil {
				tc.object(object)
			}
			if tc.status != nil {
				tc.status(stat)
			}
			as := manager
			if tc.as != "" {
				as = tc.as
			}
			before := profile.DeepCopy()
			for subresource, expect := range map[string]struct {
				want      any
				unchanged bool
			}{"": {object, tc.objectUnchanged}, "status": {stat, tc.statusUnchanged}} {
				state, err := ssa.Of(profile, as)
				if err != nil {
					t.Fatal(err)
				}
				got, err := state.Unchanged(expect.want, subresource)
				if err != nil {
					t.Fatal(err)
				}
				if got != expect.unchanged {
					t.Errorf("%s\nUnchanged(subresource %q) = %t", tc.why, subresource, got)
				}
			}
			if !equal(t, before, profile) {
				t.Error("the live object is the cache's, and was changed")
			}
		})
	}
}

// BenchmarkUnchanged is what a comparison costs that finds no difference: one for each profile after a restart.
func BenchmarkUnchanged(b *testing.B) {
	profile, want := live(b), wantedStatus()
	b.ReportAllocs()
	for b.Loop() {
		state, err := ssa.Of(profile, manager)
		if err != nil {
			b.Fatal(err)
		}
		if same, err := state.Unchanged(want, "status"); err != nil || !same {
			b.Fatal(same, err)
		}
	}
}

// BenchmarkOf is what it costs to see who owns a label: at least one for each event of a profile.
func BenchmarkOf(b *testing.B) {
	profile := live(b)
	b.ReportAllocs()
	for b.Loop() {
		if state, err := ssa.Of(profile, manager); err != nil || !state.Owns("", "metadata", "labels", "env") {
			b.Fatal(err)
		}
	}
}

func TestOwns(t *testing.T) {
	provider := func(field string) []string {
		return []string{"status", "accessProviders", ssa.Item("name", "kubeconfig-secretreader"), "cluster", field}
	}
	for name, tc := range map[string]struct {
		why         string
		as          string
		subresource string
		path        []string
		want        bool
	}{
		"Label":         {why: "a label that was applied is owned", path: []string{"metadata", "labels", "env"}, want: true},
		"AnothersLabel": {why: "a label of another manager is not", path: []string{"metadata", "labels", "theirs"}},
		"ItemOfAList": {
			why:         "a field of an item is found by the item's key",
			subresource: "status",
			path:        provider("server"),
			want:        true,
		},
		"FieldNotApplied": {
			why:         "a field of our item that we did not apply is not owned",
			subresource: "status",
			path:        provider("proxy-url"),
		},
		"BelowAnAtomicList": {
			why:         "what is owned whole is owned with everything in it",
			subresource: "status",
			path:        append(provider("extensions"), "anything"),
			want:        true,
		},
		"OtherSubresource": {
			why:         "a field is owned by way of the subresource that it was applied to",
			subresource: "status",
			path:        []string{"metadata", "labels", "env"},
		},
		"AnotherManager": {
			why:  "a manager that has applied nothing owns nothing",
			as:   "never-applied",
			path: []string{"metadata", "labels", "env"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := ssa.Of(live(t), cmp.Or(tc.as, manager))
			if err != nil {
				t.Fatal(err)
			}
			if got := state.Owns(tc.subresource, tc.path...); got != tc.want {
				t.Errorf("%s\nOwns(%q, %q) = %t", tc.why, tc.subresource, tc.path, got)
			}
		})
	}
	var none *ssa.State
	if none.Owns("", "metadata") || none.Applied() {
		t.Error("nothing is owned of an object that does not exist")
	}
}

func live(tb testing.TB) *inventoryv1alpha1.ClusterProfile {
	tb.Helper()
	raw, err := os.ReadFile("testdata/live.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	profile := &inventoryv1alpha1.ClusterProfile{}
	if err := yaml.UnmarshalStrict(raw, profile); err != nil {
		tb.Fatal(err)
	}
	return profile
}

func equal(t *testing.T, a, b any) bool {
	t.Helper()
	var raw [2][]byte
	for i, object := range []any{a, b} {
		var err error
		if raw[i], err = json.Marshal(object); err != nil {
			t.Fatal(err)
		}
	}
	return string(raw[0]) == string(raw[1])
}
