// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestUnreadPlacements: what may not be read is not reported as absent.
func TestUnreadPlacements(t *testing.T) {
	choosy := func(i *v1alpha1.Inventory) { i.Spec.NamespaceSelector.MatchLabels = map[string]string{"team": "a"} }
	cases := map[string]struct {
		why         string
		unread      explain.Unread
		inventories []v1alpha1.Inventory
		cluster     []fixture.ClusterOption
		want        []explain.Placement
		notes       []string
	}{
		"Labels": {
			why:         "only the labels of the namespace can exclude the Cluster",
			unread:      explain.Unread{Namespace: true},
			inventories: []v1alpha1.Inventory{inventory("default", 0, choosy)},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Unknown,
					Profile:   "team-a/london",
					Why:       "spec.namespaceSelector decides, and you may not read the labels of the Namespace team-a",
				},
			},
		},
		"LabelsDoNotMatter": {
			why:         "every namespace is selected",
			unread:      explain.Unread{Namespace: true},
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			want: []explain.Placement{
				{Inventory: "default", State: explain.Published, Profile: "team-a/london", Why: "it selects the Cluster"},
			},
		},
		"LabelsCannotHelp": {
			why:         "the Cluster's own labels exclude it",
			unread:      explain.Unread{Namespace: true},
			inventories: []v1alpha1.Inventory{inventory("default", 0, choosy, selecting("env", "prod"))},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Withdrawing,
					Profile:   "team-a/london",
					Why:       `spec.clusterSelector requires "env=prod", and the Cluster has no label env`,
				},
			},
		},
		"OptedOut": {
			why:         "its own label excludes it",
			unread:      explain.Unread{Namespace: true},
			inventories: []v1alpha1.Inventory{inventory("default", 0, choosy)},
			cluster:     []fixture.ClusterOption{fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"})},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Withdrawing,
					Profile:   "team-a/london",
					Why:       "the Cluster opts out: its label capi-inventory.dev/publish is false",
				},
			},
		},
		"ProfilesElsewhere": {
			why: "a profile that may not be read may exist", unread: explain.Unread{Profiles: sets.New("team-a")},
			inventories: []v1alpha1.Inventory{inventory("default", 0), inventory("argo", 0, into("argocd"))},
			want: []explain.Placement{
				{
					Inventory: "argo",
					State:     explain.Unknown,
					Profile:   "argocd/team-a--london",
					Why:       "it selects the Cluster; the ClusterProfiles in the namespace argocd were not read",
				},
				{Inventory: "default", State: explain.Published, Profile: "team-a/london", Why: "it selects the Cluster"},
			},
		},
		"Inventories": {why: "that there is none must not be reported", unread: explain.Unread{Inventories: true}},
		"None": {
			why:   "if they may be read, it is reported",
			notes: []string{"There is no Inventory, so nothing is published: an Inventory selects Clusters and where to publish them."},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			report, err := explain.Cluster(explain.Facts{
				Cluster:     fixture.Cluster("team-a", "london", append(tc.cluster, fixture.UID("1"), fixture.Provisioned("v1.36.3"))...),
				Inventories: tc.inventories,
				Unread:      tc.unread,
				Profiles:    []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1")},
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, report.Placements); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.notes, report.Notes); diff != "" {
				t.Errorf("%s\nnotes -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestUnreadIsListed: every missing part of the facts is listed, with what is not known because of that.
func TestUnreadIsListed(t *testing.T) {
	cluster := types.NamespacedName{Namespace: "team-a", Name: "london"}
	cases := map[string]struct {
		unread explain.Unread
		want   []string
	}{
		"Nothing": {},
		"Cluster": {
			unread: explain.Unread{Cluster: true},
			want:   []string{"the Cluster team-a/london: from which of its fields each value comes is not known"},
		},
		"Inventories": {
			unread: explain.Unread{Inventories: true},
			want:   []string{"Inventories: which of them select the Cluster, and what they left out of its profiles, is not known"},
		},
		"Namespace": {
			unread: explain.Unread{Namespace: true},
			want:   []string{"the Namespace team-a: whether an Inventory selects its labels is not known"},
		},
		"SomeProfiles": {
			unread: explain.Unread{Profiles: sets.New("team-b", "team-a")},
			want:   []string{"ClusterProfiles outside of team-a, team-b: whether some stand for the Cluster there is not known"},
		},
		"AllProfiles": {
			unread: explain.Unread{Profiles: sets.New[string]()},
			want:   []string{"ClusterProfiles: whether some stand for the Cluster is not known"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			report := explain.Hidden(explain.Facts{Unread: tc.unread, Profiles: []inventoryv1alpha1.ClusterProfile{
				published("team-a", "london", "default", "1"),
				published("team-a", "paris", "default", "2", func(p *inventoryv1alpha1.ClusterProfile) {
					p.Labels[v1alpha1.LabelClusterName] = "paris"
				}),
			}}, cluster)
			if diff := cmp.Diff(tc.want, report.Unread); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(report.Profiles) != 1 || report.Profiles[0].Name != "london" {
				t.Errorf("only the profiles of the Cluster are reported, not %v", report.Profiles)
			}
		})
	}
}

// TestUnreadProfile: the explanation of a profile has only what was read.
func TestUnreadProfile(t *testing.T) {
	p := published("team-a", "london", "default", "1", func(p *inventoryv1alpha1.ClusterProfile) {
		p.Status.Properties = []inventoryv1alpha1.Property{{Name: "region", Value: "eu"}}
		status := owned("capi-inventory-publisher", `{"f:status":{"f:properties":{"k:{\"name\":\"region\"}":{".":{}}}}}`)
		status.Subresource = "status"
		p.ManagedFields = append(p.ManagedFields, status)
	})
	facts := explain.Facts{
		Cluster: fixture.Cluster("team-a", "london", fixture.UID("1")), Profiles: []inventoryv1alpha1.ClusterProfile{p},
		Unread: explain.Unread{Inventories: true, Checks: sets.New("team-a")},
	}
	report, err := explain.Cluster(facts)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Profiles[0].Reachable; !strings.HasPrefix(got, "not known: you may not read SpokeChecks") {
		t.Errorf("a check that may not be read was reported as absent: %q", got)
	}
	for _, field := range report.Profiles[0].Fields {
		if field.Path == "status.properties[region]" && field.Source != "Inventory default spec.properties" {
			t.Errorf("an Inventory that may not be read was treated as one without the property: %q", field.Source)
		}
	}
	facts.Cluster, facts.Unread.Cluster, facts.Only = nil, true, types.NamespacedName{Namespace: "team-a", Name: "london"}
	if report, err = explain.Foreign(facts); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"It stands for the Cluster team-a/london."}, report.Notes); diff != "" {
		t.Errorf("a Cluster that may not be read was reported as absent -want +got:\n%s", diff)
	}
}
