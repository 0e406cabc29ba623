// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestInventory: what an Inventory does with each of many Clusters is what the explanation of each Cluster says.
func TestInventory(t *testing.T) {
	foreign := inventoryv1alpha1.ClusterProfile{}
	foreign.Namespace, foreign.Name, foreign.Spec.ClusterManager.Name = "team-a", "oslo", "other"
	facts := explain.Facts{
		Inventories: []v1alpha1.Inventory{
			inventory("default", time.Hour),
			inventory("prod", 0, selecting("env", "prod"), into("argocd")),
			inventory("rival", time.Minute, into("argocd")),
			inventory("bad", 0, func(i *v1alpha1.Inventory) { i.Spec.Labels.Include = []string{"a b"} }),
		},
		Profiles: []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1"), foreign},
	}
	prod := fixture.Labels(map[string]string{"env": "prod"})
	candidates := []explain.Candidate{
		{Cluster: fixture.Cluster("team-a", "london", fixture.UID("1"), prod)},
		{Cluster: fixture.Cluster("team-a", "oslo", fixture.UID("2"))},
		{
			Cluster: fixture.Cluster(
				"team-b",
				"rome",
				fixture.UID("3"),
				fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"}),
			),
			NamespaceLabels: labels.Set{"team": "b"},
		},
	}
	states := map[string][]explain.State{
		"default": {explain.Published, explain.Blocked, explain.NotSelected},
		"prod":    {explain.ClaimedByOther, explain.NotSelected, explain.NotSelected},
		"rival":   {explain.Pending, explain.Pending, explain.NotSelected},
		"bad":     {explain.Broken, explain.Broken, explain.Broken},
	}
	for name, want := range states {
		got, err := explain.Inventory(facts, name, candidates)
		if err != nil {
			t.Fatal(err)
		}
		for i, candidate := range candidates {
			if got[i].State != want[i] {
				t.Errorf("%s: %s is %s, want %s", name, candidate.Cluster.Name, got[i].State, want[i])
			}
			one := facts
			one.Cluster, one.NamespaceLabels = candidate.Cluster, candidate.NamespaceLabels
			report, err := explain.Cluster(one)
			if err != nil {
				t.Fatal(err)
			}
			for _, placement := range report.Placements {
				if diff := cmp.Diff(placement, got[i]); placement.Inventory == name && diff != "" {
					t.Errorf("%s and %s: -of the Cluster +of the Inventory:\n%s", name, candidate.Cluster.Name, diff)
				}
			}
		}
	}
	if _, err := explain.Inventory(facts, "none", candidates); err == nil {
		t.Error("there is no such Inventory")
	}
}
