// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestNotes(t *testing.T) {
	cluster := fixture.Cluster("team-a", "london", fixture.Paused, fixture.Labels(map[string]string{clusterv1.WatchLabel: "blue"}))
	cluster.DeletionTimestamp = &now
	report, err := explain.Cluster(explain.Facts{Cluster: cluster})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"The Cluster is being deleted; its profiles are deleted after it.",
		"The Cluster is paused: its conditions are not updated, so Cluster API says nothing of the health of its profiles.",
		"The control plane is not initialized yet; its access is published after that.",
		`The label cluster.x-k8s.io/watch-filter is "blue": ` +
			"only a publisher with that --watch-filter, or without one, watches the Cluster.",
		"There is no Inventory, so nothing is published: an Inventory selects Clusters and where to publish them.",
	}
	if diff := cmp.Diff(want, report.Notes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSourceIsTheSpokeCheck: where an Inventory trusts SpokeChecks, the version and the health may be theirs.
func TestSourceIsTheSpokeCheck(t *testing.T) {
	p := published("team-a", "london", "default", "1", func(p *inventoryv1alpha1.ClusterProfile) {
		p.Status.Version.Kubernetes = "v1.36.3"
		p.Status.Conditions = []metav1.Condition{{Type: "ControlPlaneHealthy", Status: metav1.ConditionTrue, Reason: "SpokeAnswers"}}
	})
	cluster := fixture.Cluster("team-a", "london", fixture.UID("1"), func(c *clusterv1.Cluster) {
		c.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{}
	})
	inventory := v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	inventory.Spec.SpokeCheckPolicy = v1alpha1.SpokeCheckPolicyTrust
	report, err := explain.Cluster(explain.Facts{
		Cluster:     cluster,
		Inventories: []v1alpha1.Inventory{inventory},
		Profiles:    []inventoryv1alpha1.ClusterProfile{p},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, field := range report.Profiles[0].Fields {
		got[field.Path] = field.Source
	}
	for path, want := range map[string]string{
		"status.version.kubernetes": "the kubernetesVersion of the profile's SpokeCheck",
		"status.conditions[ControlPlaneHealthy]": "the condition Reachable of the profile's SpokeCheck, despite the Cluster's conditions " +
			"ControlPlaneAvailable=not reported and RemoteConnectionProbe=not reported",
	} {
		if diff := cmp.Diff(want, got[path]); diff != "" {
			t.Errorf("%s -want +got:\n%s", path, diff)
		}
	}
}

// owned returns a managed fields entry.
func owned(manager, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager:    manager,
		Operation:  metav1.ManagedFieldsOperationApply,
		FieldsType: "FieldsV1",
		FieldsV1:   metav1.NewFieldsV1(fields),
	}
}

// TestOwners: a profile has many writers, and each field is owned by one or several of them.
func TestOwners(t *testing.T) {
	p := published("team-a", "london", "default", "1", func(p *inventoryv1alpha1.ClusterProfile) {
		p.Labels["team"] = "blue"
		p.Labels["env"] = "prod"
		p.Annotations = map[string]string{"note": "mine"}
		p.Finalizers = []string{"example.com/cleanup"}
		p.Spec.DisplayName = "London"
		p.Status.Properties = []inventoryv1alpha1.Property{
			{Name: "region", Value: "eu"},
			{Name: "cost.example.com", Value: "42"},
			{Name: "zone", Value: "a"},
		}
		p.ManagedFields = []metav1.ManagedFieldsEntry{
			owned("capi-inventory-publisher",
				`{"f:metadata":{"f:labels":{"f:env":{},"f:capi-inventory.dev/inventory":{}}},"f:spec":{"f:clusterManager":{"f:name":{}}},
				"f:status":{"f:properties":{"k:{\"name\":\"region\"}":{".":{},"f:name":{},"f:value":{}}}}}`),
			owned("kubectl-edit",
				`{"f:metadata":{"f:labels":{"f:team":{},"f:env":{}},"f:annotations":{"f:note":{}}},"f:spec":{"f:displayName":{}}}`),
			owned("sveltos", `{"f:metadata":{"f:finalizers":{".":{},"v:\"example.com/cleanup\"":{}}}}`),
			owned("costs", `{"f:status":{"f:properties":{"k:{\"name\":\"cost.example.com\"}":{".":{},"f:value":{}}}}}`),
			owned("capi-inventory-broker", `{"f:status":{"f:properties":{"k:{\"name\":\"zone\"}":{".":{},"f:value":{}}}}}`),
			{Manager: "broken", FieldsV1: metav1.NewFieldsV1(`{`)},
		}
	})
	report, err := explain.Cluster(explain.Facts{
		Cluster: fixture.Cluster("team-a", "london", fixture.UID("1")),
		Inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) {
			i.Spec.Properties = []v1alpha1.PropertyExpression{{Name: "region", Expression: "'eu'"}}
		})},
		Profiles: []inventoryv1alpha1.ClusterProfile{p},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, field := range report.Profiles[0].Fields {
		got[field.Path] = strings.Join(field.Owners, ",") + " ← " + field.Source
	}
	for path, want := range map[string]string{
		"metadata.labels[env]": "capi-inventory-publisher,kubectl-edit ← the Cluster's label, by Inventory " +
			"default spec.labels",
		"metadata.labels[team]":                         "kubectl-edit ← the field manager kubectl-edit",
		"metadata.labels[capi-inventory.dev/inventory]": "capi-inventory-publisher ← the Inventory's name",
		"metadata.annotations[note]":                    "kubectl-edit ← the field manager kubectl-edit",
		"metadata.finalizers":                           "sveltos ← the field manager sveltos",
		"spec.clusterManager.name":                      "capi-inventory-publisher ← the publisher's --cluster-manager-name",
		"spec.displayName":                              "kubectl-edit ← the field manager kubectl-edit",
		"status.properties[region]":                     "capi-inventory-publisher ← Inventory default spec.properties: 'eu'",
		"status.properties[cost.example.com]":           "costs ← the field manager costs",
		"status.properties[zone]":                       "capi-inventory-broker ← what the spoke says of itself, by Inventory default spec.clusterPropertyPolicy",
	} {
		if diff := cmp.Diff(want, got[path]); diff != "" {
			t.Errorf("%s -want +got:\n%s", path, diff)
		}
	}
}

// copied is what a program makes that copies profiles with their labels.
func copied(p *inventoryv1alpha1.ClusterProfile) {
	p.ManagedFields = []metav1.ManagedFieldsEntry{
		owned("velero", `{"f:metadata":{"f:labels":{"f:capi-inventory.dev/cluster-name":{},"f:capi-inventory.dev/cluster-namespace":{}}}}`),
	}
}

func TestForeign(t *testing.T) {
	only := types.NamespacedName{Namespace: "team-a", Name: "london"}
	cases := map[string]struct {
		why     string
		profile inventoryv1alpha1.ClusterProfile
		want    []string
	}{
		"Orphan": {
			why:     "its Cluster does not exist",
			profile: published("team-a", "london", "default", "1"),
			want: []string{
				"It stands for the Cluster team-a/london.",
				"The Cluster does not exist; the publisher verifies that and deletes the profile.",
			},
		},
		"Copy": {
			why:     "the publisher deletes only what it has applied",
			profile: published("team-a", "london", "default", "1", copied),
			want: []string{
				"Its labels name the Cluster team-a/london, but a publisher has not set them: it is a copy, or of another writer.",
			},
		},
		"Foreign": {
			why:     "it never had a Cluster",
			profile: published("team-a", "london", "", "", func(p *inventoryv1alpha1.ClusterProfile) { p.Labels = nil }),
			want:    []string{`The cluster manager "cluster-api" publishes it, and it stands for no Cluster of this hub.`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			report, err := explain.Foreign(explain.Facts{Only: only, Profiles: []inventoryv1alpha1.ClusterProfile{tc.profile}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, report.Notes); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
	if _, err := explain.Foreign(explain.Facts{Only: only}); err == nil {
		t.Error("a profile that does not exist was explained")
	}
}

// TestCopies: any writer can set labels, so a profile of a Cluster by its labels alone is said to be one.
func TestCopies(t *testing.T) {
	report, err := explain.Cluster(explain.Facts{
		Cluster: fixture.Cluster("team-a", "london", fixture.UID("1")),
		Profiles: []inventoryv1alpha1.ClusterProfile{
			published("team-a", "london", "default", "1"), published("backup", "london", "default", "1", copied),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range report.Profiles {
		got[p.Namespace] = p.Note
	}
	want := map[string]string{
		"team-a": "",
		"backup": "Its labels name the Cluster team-a/london, but a publisher has not set them: it is a copy, or of another writer.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestProblemsThatAreCut: the status of an Inventory holds some of its problems, so that silence about a Cluster may mean nothing.
func TestProblemsThatAreCut(t *testing.T) {
	full := inventory("full", 0)
	full.Status.Problems = make([]v1alpha1.InventoryProblem, v1alpha1.MaxProblems)
	report, err := explain.Cluster(explain.Facts{
		Cluster:     fixture.Cluster("team-a", "london", fixture.UID("1"), fixture.Provisioned("v1.36.3")),
		Inventories: []v1alpha1.Inventory{inventory("some", 0), full},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"The Inventory full reports its first 20 problems only; one with this Cluster may be missing here."}
	if diff := cmp.Diff(want, report.Notes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
