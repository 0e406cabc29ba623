// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

var now = metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

// inventory is one that publishes every Cluster, ready unless changed.
func inventory(name string, age time.Duration, change ...func(*v1alpha1.Inventory)) v1alpha1.Inventory {
	i := v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1, CreationTimestamp: metav1.NewTime(now.Add(-age))}}
	i.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPublished, ObservedGeneration: 1}}
	for _, c := range change {
		c(&i)
	}
	return i
}

func into(namespace string) func(*v1alpha1.Inventory) {
	return func(i *v1alpha1.Inventory) { i.Spec.Namespace = namespace }
}

func selecting(key, value string) func(*v1alpha1.Inventory) {
	return func(i *v1alpha1.Inventory) { i.Spec.ClusterSelector.MatchLabels = map[string]string{key: value} }
}

// published is the profile of a Cluster team-a/london, by the Inventory.
func published(namespace, name, inventory, uid string, change ...func(*inventoryv1alpha1.ClusterProfile)) inventoryv1alpha1.ClusterProfile {
	p := inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
		v1alpha1.LabelInventory: inventory, v1alpha1.LabelClusterNamespace: "team-a", v1alpha1.LabelClusterName: "london", v1alpha1.LabelClusterUID: uid,
	}}}
	p.Spec.ClusterManager.Name = "cluster-api"
	p.ManagedFields = []metav1.ManagedFieldsEntry{owned("capi-inventory-publisher", `{"f:metadata":{"f:labels":{
		"f:capi-inventory.dev/inventory":{},"f:capi-inventory.dev/cluster-namespace":{},"f:capi-inventory.dev/cluster-name":{},"f:capi-inventory.dev/cluster-uid":{}}}}`)}
	for _, c := range change {
		c(&p)
	}
	return p
}

func TestPlacements(t *testing.T) {
	cases := map[string]struct {
		why         string
		cluster     []fixture.ClusterOption
		namespace   labels.Set
		inventories []v1alpha1.Inventory
		profiles    []inventoryv1alpha1.ClusterProfile
		want        []explain.Placement
	}{
		"Published": {
			why:         "the profile is there and is the Cluster's",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles:    []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1")},
			want:        []explain.Placement{{Inventory: "default", State: explain.Published, Profile: "team-a/london", Why: "it selects the Cluster"}},
		},
		"ClaimedByOther": {
			why:         "a namespace holds one profile of a Cluster, and the older Inventory has it whatever its name",
			inventories: []v1alpha1.Inventory{inventory("a", 0, into("argocd")), inventory("b", time.Hour, into("argocd"))},
			profiles:    []inventoryv1alpha1.ClusterProfile{published("argocd", "team-a--london", "b", "1")},
			want: []explain.Placement{
				{Inventory: "b", State: explain.Published, Profile: "argocd/team-a--london", Why: "it selects the Cluster"},
				{Inventory: "a", State: explain.ClaimedByOther, Profile: "argocd/team-a--london", Why: "the older Inventory b publishes the Cluster into the namespace argocd, which holds one profile of a Cluster"},
			},
		},
		"Broken": {
			why:         "an Inventory that cannot work is told with its field, and stands in nobody's way",
			inventories: []v1alpha1.Inventory{inventory("bad", time.Hour, func(i *v1alpha1.Inventory) { i.Spec.Labels.Include = []string{"a b"} })},
			want:        []explain.Placement{{Inventory: "bad", State: explain.Broken, Why: `its specification cannot work: spec.labels.include[0]: "a b" cannot match a key`}},
		},
		"Going": {
			why:         "an Inventory that is being deleted publishes nothing",
			inventories: []v1alpha1.Inventory{inventory("old", time.Hour, func(i *v1alpha1.Inventory) { i.DeletionTimestamp = &now })},
			want:        []explain.Placement{{Inventory: "old", State: explain.Broken, Why: "it is being deleted, and its profiles with it"}},
		},
		"OptedOut": {
			why:         "the Cluster's word comes first",
			cluster:     []fixture.ClusterOption{fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"})},
			inventories: []v1alpha1.Inventory{inventory("default", 0, selecting("env", "prod"))},
			want:        []explain.Placement{{Inventory: "default", State: explain.NotSelected, Why: "the Cluster opts out: its label capi-inventory.dev/publish is false"}},
		},
		"OtherLabel": {
			why:         "the label that is not as required is named",
			cluster:     []fixture.ClusterOption{fixture.Labels(map[string]string{"env": "test", "region": "eu"})},
			inventories: []v1alpha1.Inventory{inventory("default", 0, selecting("env", "prod"))},
			want:        []explain.Placement{{Inventory: "default", State: explain.NotSelected, Why: `spec.clusterSelector requires "env=prod", and the Cluster has env=test`}},
		},
		"OtherNamespace": {
			why:       "the namespace's labels count, too",
			namespace: labels.Set{"team": "b"},
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) {
				i.Spec.NamespaceSelector.MatchLabels = map[string]string{"team": "a"}
			})},
			want: []explain.Placement{{Inventory: "default", State: explain.NotSelected, Why: `spec.namespaceSelector requires "team=a", and the namespace team-a has team=b`}},
		},
		"Withdrawing": {
			why:         "what was published before is still there",
			inventories: []v1alpha1.Inventory{inventory("default", 0, selecting("env", "prod"))},
			profiles:    []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1")},
			want:        []explain.Placement{{Inventory: "default", State: explain.Withdrawing, Profile: "team-a/london", Why: `spec.clusterSelector requires "env=prod", and the Cluster has no label env`}},
		},
		"Outlived": {
			why:         "a Cluster made anew is another member",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles:    []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "0")},
			want:        []explain.Placement{{Inventory: "default", State: explain.Pending, Profile: "team-a/london", Why: "the profile is of an earlier Cluster of this name; it is replaced when it is gone"}},
		},
		"Held": {
			why:         "a consumer's finalizer is waited for",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles: []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1", func(p *inventoryv1alpha1.ClusterProfile) {
				p.DeletionTimestamp, p.Finalizers = &now, []string{"example.com/cleanup"}
			})},
			want: []explain.Placement{{Inventory: "default", State: explain.Pending, Profile: "team-a/london", Why: "the profile is being deleted and waits for example.com/cleanup; it is made anew when it is gone"}},
		},
		"Blocked": {
			why:         "another manager's profile is left alone",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles: []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "", "", func(p *inventoryv1alpha1.ClusterProfile) {
				p.Labels, p.ManagedFields, p.Spec.ClusterManager.Name = nil, nil, "other"
			})},
			want: []explain.Placement{{Inventory: "default", State: explain.Blocked, Profile: "team-a/london", Why: `ClusterProfile team-a/london belongs to the cluster manager "other" and is left untouched; rename or delete it, or choose another namespace or profileName`}},
		},
		"NoPublisher": {
			why:         "nobody has looked at the Inventory",
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) { i.Status.Conditions = nil })},
			want:        []explain.Placement{{Inventory: "default", State: explain.Pending, Profile: "team-a/london", Why: "no publisher has looked at the Inventory yet; is it running?"}},
		},
		"PublisherBehind": {
			why:         "what the Inventory says of itself is about its past",
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) { i.Generation = 2 })},
			want:        []explain.Placement{{Inventory: "default", State: explain.Pending, Profile: "team-a/london", Why: "the publisher has not seen the Inventory's last change yet; is it running?"}},
		},
		"NotReady": {
			why: "the Inventory's own reason",
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) {
				i.Status.Conditions[0].Status, i.Status.Conditions[0].Reason, i.Status.Conditions[0].Message = metav1.ConditionUnknown, v1alpha1.ReasonPublishing, "Not every Cluster has been looked at yet."
			})},
			want: []explain.Placement{{Inventory: "default", State: explain.Pending, Profile: "team-a/london", Why: "the Inventory is not ready (Publishing): Not every Cluster has been looked at yet."}},
		},
		"LooksElsewhere": {
			why:         "all is well, says a publisher that was told not to look here",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			want:        []explain.Placement{{Inventory: "default", State: explain.Pending, Profile: "team-a/london", Why: "the publisher says that it has published everything it looks at; it may have been told to look elsewhere, by --namespace or --watch-filter"}},
		},
		"Told": {
			why: "a problem of this Cluster says more than the Inventory as a whole",
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) {
				i.Status.Problems = []v1alpha1.InventoryProblem{{Cluster: "team-a/paris", Reason: "Other", Message: "no"}, {Cluster: "team-a/london", Reason: "NamespaceMissing", Message: "make it"}}
			})},
			want: []explain.Placement{{Inventory: "default", State: explain.Pending, Profile: "team-a/london", Why: "NamespaceMissing: make it"}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			report, err := explain.Cluster(explain.Facts{
				Cluster:         fixture.Cluster("team-a", "london", append(tc.cluster, fixture.UID("1"))...),
				NamespaceLabels: tc.namespace, Inventories: tc.inventories, Profiles: tc.profiles,
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, report.Placements); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	cluster := fixture.Cluster("team-a", "london", fixture.Paused, fixture.Labels(map[string]string{clusterv1.WatchLabel: "blue"}))
	cluster.DeletionTimestamp = &now
	report, err := explain.Cluster(explain.Facts{Cluster: cluster})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"The Cluster is being deleted; its profiles go when it is gone.",
		"The Cluster is paused, so its conditions are frozen and its profiles say Unknown.",
		"The control plane is not initialized yet: there is no access to publish before it is.",
		`The label cluster.x-k8s.io/watch-filter is "blue": only a publisher with that --watch-filter, or with none, looks at it.`,
		"There is no Inventory, so nothing is published: an Inventory says which Clusters are published where.",
	}
	if diff := cmp.Diff(want, report.Notes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// owned is a managed fields entry.
func owned(manager, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}
}

// TestOwners: a profile has many writers, and each field is of one of them, or of several.
func TestOwners(t *testing.T) {
	p := published("team-a", "london", "default", "1", func(p *inventoryv1alpha1.ClusterProfile) {
		p.Labels["team"] = "blue"
		p.Labels["env"] = "prod"
		p.Annotations = map[string]string{"note": "mine"}
		p.Finalizers = []string{"example.com/cleanup"}
		p.Spec.DisplayName = "London"
		p.Status.Properties = []inventoryv1alpha1.Property{{Name: "region", Value: "eu"}, {Name: "cost.example.com", Value: "42"}}
		p.ManagedFields = []metav1.ManagedFieldsEntry{
			owned("capi-inventory-publisher", `{"f:metadata":{"f:labels":{"f:env":{},"f:capi-inventory.dev/inventory":{}}},"f:spec":{"f:clusterManager":{"f:name":{}}},"f:status":{"f:properties":{"k:{\"name\":\"region\"}":{".":{},"f:name":{},"f:value":{}}}}}`),
			owned("kubectl-edit", `{"f:metadata":{"f:labels":{"f:team":{},"f:env":{}},"f:annotations":{"f:note":{}}},"f:spec":{"f:displayName":{}}}`),
			owned("sveltos", `{"f:metadata":{"f:finalizers":{".":{},"v:\"example.com/cleanup\"":{}}}}`),
			owned("costs", `{"f:status":{"f:properties":{"k:{\"name\":\"cost.example.com\"}":{".":{},"f:value":{}}}}}`),
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
		"metadata.labels[env]":                          "capi-inventory-publisher,kubectl-edit ← the Cluster's label, by Inventory default spec.labels",
		"metadata.labels[team]":                         "kubectl-edit ← whoever writes as kubectl-edit",
		"metadata.labels[capi-inventory.dev/inventory]": "capi-inventory-publisher ← the Inventory's name",
		"metadata.annotations[note]":                    "kubectl-edit ← whoever writes as kubectl-edit",
		"metadata.finalizers":                           "sveltos ← whoever writes as sveltos",
		"spec.clusterManager.name":                      "capi-inventory-publisher ← the publisher's --cluster-manager-name",
		"spec.displayName":                              "kubectl-edit ← whoever writes as kubectl-edit",
		"status.properties[region]":                     "capi-inventory-publisher ← Inventory default spec.properties: 'eu'",
		"status.properties[cost.example.com]":           "costs ← whoever writes as costs",
	} {
		if diff := cmp.Diff(want, got[path]); diff != "" {
			t.Errorf("%s -want +got:\n%s", path, diff)
		}
	}
}

func TestForeign(t *testing.T) {
	only := types.NamespacedName{Namespace: "team-a", Name: "london"}
	cases := map[string]struct {
		why     string
		profile inventoryv1alpha1.ClusterProfile
		want    string
	}{
		"Orphan":  {why: "its Cluster is gone", profile: published("team-a", "london", "default", "1"), want: "It stands for the Cluster team-a/london, which is not there; the publisher deletes it when it has made sure of that."},
		"Foreign": {why: "it never had one", profile: published("team-a", "london", "", "", func(p *inventoryv1alpha1.ClusterProfile) { p.Labels = nil }), want: `It is published by the cluster manager "cluster-api", for no Cluster of this hub.`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			report, err := explain.Foreign(explain.Facts{Only: only, Profiles: []inventoryv1alpha1.ClusterProfile{tc.profile}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tc.want}, report.Notes); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
	if _, err := explain.Foreign(explain.Facts{Only: only}); err == nil {
		t.Error("a profile that is not there was explained")
	}
}
