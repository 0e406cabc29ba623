// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
)

func TestTile(t *testing.T) {
	o := with(checked(metav1.ConditionTrue, v1alpha1.ReasonReachable, time.Minute), expires(40*day), func(o *Objects) {
		o.Profile.Labels = map[string]string{v1alpha1.LabelInventory: "default", "topology.kubernetes.io/region": "eu"}
		o.Profile.Spec.DisplayName = "London"
		o.Profile.Status.Version.Kubernetes = "v1.36.3"
		o.Profile.Status.Properties = []inventoryv1alpha1.Property{{Name: "cpus", Value: "4"}}
	})
	since, changed, expires := ago(3*day).Time, ago(2*day).Time, now.Add(40*day)
	want := Tile{
		Key:         "team-a/london",
		Namespace:   "team-a",
		Name:        "london",
		DisplayName: "London",
		Manager:     "test",
		Version:     "v1.36.3",
		Region:      "eu",
		Inventory:   "default",
		State:       Fine,
		Reason:      "ProbeSucceeded",
		Since:       &since,
		Expires:     &expires,
		Expiring:    "ServingCertificate",
		Changed:     &changed,
		Change:      "Reachable: True (Reachable)",
		Labels:      o.Profile.Labels,
		Properties:  map[string]string{"cpus": "4"},
	}
	got, _ := NewTile(o, now)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRegion(t *testing.T) {
	cases := map[string]struct {
		why                string
		labels, properties map[string]string
		want               string
	}{
		"Kubernetes": {
			why:    "its label comes first",
			labels: map[string]string{"topology.kubernetes.io/region": "eu", "region": "us"}, properties: map[string]string{"region": "us"},
			want: "eu",
		},
		"Property": {
			why:    "a manager publishes it",
			labels: map[string]string{"region": "us"}, properties: map[string]string{"region.example.com": "eu"}, want: "eu",
		},
		"Label":  {why: "a label of the Cluster", labels: map[string]string{"example.com/region": "eu"}, want: "eu"},
		"First":  {why: "of two the first by name", labels: map[string]string{"b/region": "us", "a/region": "eu"}, want: "eu"},
		"Others": {why: "it is another word", labels: map[string]string{"regional": "yes", "subregion": "x"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := region(tc.labels, tc.properties); got != tc.want {
				t.Errorf("%s: %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestLastChange(t *testing.T) {
	o := with(silent)
	if at, what := o.lastChange(); what != "created" || !at.Equal(ago(9*day).Time) {
		t.Errorf("%s at %s", what, at)
	}
	o = with()
	if _, what := o.lastChange(); what != "ControlPlaneHealthy: True (ProbeSucceeded)" {
		t.Errorf("%s", what)
	}
}

// TestForeignTimes: a time that JSON cannot hold in UTC is left out; the API server accepts both.
func TestForeignTimes(t *testing.T) {
	for _, text := range []string{"9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"} {
		t.Run(text, func(t *testing.T) {
			var at metav1.Time
			if err := at.UnmarshalJSON([]byte(`"` + text + `"`)); err != nil {
				t.Fatal(err)
			}
			o := with(checked(metav1.ConditionFalse, v1alpha1.ReasonTLSFailed, time.Minute), expires(40*day), func(o *Objects) {
				o.Profile.Status.Conditions[0].LastTransitionTime = at
				status := &o.Check.Status
				status.LastProbeTime, status.Conditions[0].LastTransitionTime = &at, at
				status.Expires, status.Expirations[0].Time = &at, at
			})
			details, err := NewProfile(o, explain.Facts{Profiles: []inventoryv1alpha1.ClusterProfile{*o.Profile}, Now: now}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := json.Marshal(details); err != nil {
				t.Error(err)
			}
			if e := details.Check.Expirations; len(e) != 1 || e[0].Kind != "ServingCertificate" || details.Tile.Expires != nil {
				t.Errorf("the expirations are %v, the first %v; want one without a time", e, details.Tile.Expires)
			}
		})
	}
}

// TestTextsAreBounded: a writer of profiles must not fill the page.
func TestTextsAreBounded(t *testing.T) {
	long := strings.Repeat("ä", 5000)
	tile, _ := NewTile(with(healthy(metav1.ConditionFalse, long), func(o *Objects) {
		o.Profile.Labels = map[string]string{"region": long}
		o.Profile.Spec.DisplayName, o.Profile.Spec.ClusterManager.Name, o.Profile.Status.Version.Kubernetes = long, long, long
		o.Profile.Status.Conditions[0].Message = long
		o.Profile.Status.Properties = []inventoryv1alpha1.Property{{Name: "x", Value: long}}
	}), now)
	texts := []string{
		tile.DisplayName, tile.Manager, tile.Version, tile.Region, tile.Reason, tile.Why, tile.Labels["region"], tile.Properties["x"],
	}
	for i, text := range texts {
		if want := strings.Repeat("ä", maxText) + "…"; text != want {
			t.Errorf("text %d has %d bytes, want %d", i, len(text), len(want))
		}
	}
	if got := len([]rune(tile.Change)); got != maxText+1 {
		t.Errorf("the last change has %d characters, want %d", got, maxText+1)
	}
}

// TestPairsAreBounded: a tile has the first labels and properties by name, and the region of all of them.
func TestPairsAreBounded(t *testing.T) {
	tile, _ := NewTile(with(func(o *Objects) {
		o.Profile.Labels = map[string]string{}
		for i := 99; i >= 0; i-- {
			name := fmt.Sprintf("n%02d", i)
			o.Profile.Labels[name] = "x"
			o.Profile.Status.Properties = append(o.Profile.Status.Properties, inventoryv1alpha1.Property{Name: name, Value: "x"})
		}
		o.Profile.Status.Properties = append(o.Profile.Status.Properties, inventoryv1alpha1.Property{Name: "region", Value: "eu"})
	}), now)
	for of, pairs := range map[string]map[string]string{"labels": tile.Labels, "properties": tile.Properties} {
		if len(pairs) != maxPairs || pairs["n00"] == "" || pairs["n63"] == "" {
			t.Errorf("the %s are %v; want the first %d", of, slices.Sorted(maps.Keys(pairs)), maxPairs)
		}
	}
	if tile.Region != "eu" {
		t.Errorf("the region is %q", tile.Region)
	}
}

// TestProblemsOfASummary: the status of an Inventory holds the first problems, so a full one may not have all.
func TestProblemsOfASummary(t *testing.T) {
	for number, more := range map[int]bool{0: false, v1alpha1.MaxProblems - 1: false, v1alpha1.MaxProblems: true} {
		inventory := &v1alpha1.Inventory{Status: v1alpha1.InventoryStatus{Problems: make([]v1alpha1.InventoryProblem, number)}}
		if got := NewSummary(inventory); got.Problems != number || got.More != more {
			t.Errorf("%d problems: %d, more: %t; want %t", number, got.Problems, got.More, more)
		}
	}
}

// TestStages: the last stage of a check failed, unless the spoke is reachable; a check of another consumer may have none.
func TestStages(t *testing.T) {
	last := []v1alpha1.CheckStage{{Name: "access"}, {Name: "connect", Milliseconds: 5000}}
	cases := map[string]struct {
		last      []v1alpha1.CheckStage
		reachable bool
		want      []Stage
	}{
		"Reachable":   {last, true, []Stage{{Name: "access"}, {Name: "connect", Milliseconds: 5000}}},
		"Unreachable": {last, false, []Stage{{Name: "access"}, {Name: "connect", Milliseconds: 5000, Failed: true}}},
		"None":        {nil, false, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := stages(tc.last, tc.reachable); !slices.Equal(got, tc.want) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestCommands: what is copied runs as it is meant in a shell.
func TestCommands(t *testing.T) {
	o := with(func(o *Objects) {
		o.Profile.Labels = map[string]string{v1alpha1.LabelClusterNamespace: "clusters", v1alpha1.LabelClusterName: "london-1"}
	})
	commands := profileCommands(o.Profile, []string{"--context", "it's; rm -rf"})
	for i, want := range map[int]string{
		0: `kubectl inventory check london -o wide -n team-a --context 'it'\''s; rm -rf'`,
		4: `kubectl get clusterprofiles.multicluster.x-k8s.io london -o yaml -n team-a --context 'it'\''s; rm -rf'`,
		5: `kubectl get spokechecks.capi-inventory.dev london -o yaml -n team-a --context 'it'\''s; rm -rf'`,
		6: `kubectl describe clusters.cluster.x-k8s.io london-1 -n clusters --context 'it'\''s; rm -rf'`,
	} {
		if commands[i].Line != want {
			t.Errorf("%s, want %s", commands[i].Line, want)
		}
	}
	if got, want := inventoryCommands("all", nil)[0].Line, "kubectl get inventories.capi-inventory.dev all -o yaml"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
