// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

var now = metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))

// inventory returns an Inventory that selects every Cluster, ready unless changed.
func inventory(name string, age time.Duration, change ...func(*v1alpha1.Inventory)) v1alpha1.Inventory {
	i := v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1, CreationTimestamp: metav1.NewTime(now.Add(-age))}}
	i.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPublished, ObservedGeneration: 1},
	}
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

// published returns the profile of the Cluster team-a/london that the Inventory has published.
func published(namespace, name, inventory, uid string, change ...func(*inventoryv1alpha1.ClusterProfile)) inventoryv1alpha1.ClusterProfile {
	p := inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
		v1alpha1.LabelInventory:        inventory,
		v1alpha1.LabelClusterNamespace: "team-a",
		v1alpha1.LabelClusterName:      "london",
		v1alpha1.LabelClusterUID:       uid,
	}}}
	p.Spec.ClusterManager.Name = "cluster-api"
	p.ManagedFields = []metav1.ManagedFieldsEntry{owned("capi-inventory-publisher", `{"f:metadata":{"f:labels":{
		"f:capi-inventory.dev/inventory":{},"f:capi-inventory.dev/cluster-namespace":{},
		"f:capi-inventory.dev/cluster-name":{},"f:capi-inventory.dev/cluster-uid":{}}}}`)}
	for _, c := range change {
		c(&p)
	}
	return p
}

// claimedBy returns the reason of a claim that an Inventory in argocd has instead.
func claimedBy(inventory string) string {
	return fmt.Sprintf("the Inventory %q publishes this Cluster into the namespace \"argocd\"; a namespace holds one profile of a "+
		"Cluster", inventory)
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
			why:         "the profile exists and is the Cluster's",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles:    []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1")},
			want: []explain.Placement{
				{Inventory: "default", State: explain.Published, Profile: "team-a/london", Why: "it selects the Cluster"},
			},
		},
		"ClaimedByOther": {
			why:         "a namespace holds one profile of a Cluster, and the older Inventory publishes it, whichever its name",
			inventories: []v1alpha1.Inventory{inventory("a", 0, into("argocd")), inventory("b", time.Hour, into("argocd"))},
			profiles:    []inventoryv1alpha1.ClusterProfile{published("argocd", "team-a--london", "b", "1")},
			want: []explain.Placement{
				{Inventory: "b", State: explain.Published, Profile: "argocd/team-a--london", Why: "it selects the Cluster"},
				{
					Inventory: "a",
					State:     explain.ClaimedByOther,
					Profile:   "argocd/team-a--london",
					Why:       claimedBy("b"),
				},
			},
		},
		"Forged": {
			why:         "the publisher leaves a profile of another manager alone, whatever its labels say",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles: []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1", copied,
				func(p *inventoryv1alpha1.ClusterProfile) { p.Spec.ClusterManager.Name = "evil" })},
			want: []explain.Placement{{
				Inventory: "default", State: explain.Blocked, Profile: "team-a/london",
				Why: `ClusterProfile team-a/london belongs to the cluster manager "evil" and is left untouched; rename or delete it, ` +
					"or choose another namespace or profileName",
			}},
		},
		"OtherManagerName": {
			why:         "the publisher may run with another --cluster-manager-name, which its profiles show",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles: []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1",
				func(p *inventoryv1alpha1.ClusterProfile) { p.Spec.ClusterManager.Name = "fleet" })},
			want: []explain.Placement{
				{Inventory: "default", State: explain.Published, Profile: "team-a/london", Why: "it selects the Cluster"},
			},
		},
		"Broken": {
			why: "the invalid field is named",
			inventories: []v1alpha1.Inventory{
				inventory("bad", time.Hour, func(i *v1alpha1.Inventory) { i.Spec.Labels.Include = []string{"a b"} }),
			},
			want: []explain.Placement{
				{
					Inventory: "bad",
					State:     explain.Broken,
					Why:       `its specification is invalid: spec.labels.include[0]: "a b" cannot match a key`,
				},
			},
		},
		"Deleted": {
			why:         "an Inventory that is being deleted publishes nothing",
			inventories: []v1alpha1.Inventory{inventory("old", time.Hour, func(i *v1alpha1.Inventory) { i.DeletionTimestamp = &now })},
			want: []explain.Placement{
				{Inventory: "old", State: explain.Broken, Why: "it is being deleted, and its profiles with it"},
			},
		},
		"InvalidKeeps": {
			why: "what an Inventory published before it became invalid is kept, and no other takes its place",
			inventories: []v1alpha1.Inventory{
				inventory("bad", time.Hour, into("argocd"), func(i *v1alpha1.Inventory) { i.Spec.Labels.Include = []string{"a b"} }),
				inventory("good", 0, into("argocd")),
			},
			profiles: []inventoryv1alpha1.ClusterProfile{published("argocd", "team-a--london", "bad", "1")},
			want: []explain.Placement{
				{
					Inventory: "bad",
					State:     explain.Broken,
					Why:       `its specification is invalid: spec.labels.include[0]: "a b" cannot match a key`,
				},
				{
					Inventory: "good",
					State:     explain.ClaimedByOther,
					Profile:   "argocd/team-a--london",
					Why:       claimedBy("bad"),
				},
			},
		},
		"OtherClass": {
			why: "Inventories of different publishers do not compete, and neither takes the profile of the other",
			inventories: []v1alpha1.Inventory{
				inventory("blue", time.Hour, selecting("env", "prod"), func(i *v1alpha1.Inventory) { i.Spec.PublisherClass = "blue" }),
				inventory("default", 0),
			},
			cluster:  []fixture.ClusterOption{fixture.Labels(map[string]string{"env": "prod"})},
			profiles: []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1")},
			want: []explain.Placement{
				{
					Inventory: "blue",
					State:     explain.Blocked,
					Profile:   "team-a/london",
					Why: `ClusterProfile team-a/london belongs to the Cluster team-a/london in the Inventory "default" and is left untouched; ` +
						"rename or delete it, or choose another namespace or profileName",
				},
				{Inventory: "default", State: explain.Published, Profile: "team-a/london", Why: "it selects the Cluster"},
			},
		},
		"OptedOutOtherwise": {
			why:         "the label may have any spelling of false",
			cluster:     []fixture.ClusterOption{fixture.Labels(map[string]string{v1alpha1.LabelPublish: "F"})},
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			want: []explain.Placement{
				{Inventory: "default", State: explain.NotSelected, Why: "the Cluster opts out: its label capi-inventory.dev/publish is F"},
			},
		},
		"OptedOut": {
			why:         "the Cluster's label comes first",
			cluster:     []fixture.ClusterOption{fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"})},
			inventories: []v1alpha1.Inventory{inventory("default", 0, selecting("env", "prod"))},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.NotSelected,
					Why:       "the Cluster opts out: its label capi-inventory.dev/publish is false",
				},
			},
		},
		"OtherLabel": {
			why:         "the label that does not match is named",
			cluster:     []fixture.ClusterOption{fixture.Labels(map[string]string{"env": "test", "region": "eu"})},
			inventories: []v1alpha1.Inventory{inventory("default", 0, selecting("env", "prod"))},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.NotSelected,
					Why:       `spec.clusterSelector requires "env=prod", and the Cluster has env=test`,
				},
			},
		},
		"OtherNamespace": {
			why:       "the labels of the namespace must match, too",
			namespace: labels.Set{"team": "b"},
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) {
				i.Spec.NamespaceSelector.MatchLabels = map[string]string{"team": "a"}
			})},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.NotSelected,
					Why:       `spec.namespaceSelector requires "team=a", and the namespace team-a has team=b`,
				},
			},
		},
		"Withdrawing": {
			why:         "the profile still exists",
			inventories: []v1alpha1.Inventory{inventory("default", 0, selecting("env", "prod"))},
			profiles:    []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1")},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Withdrawing,
					Profile:   "team-a/london",
					Why:       `spec.clusterSelector requires "env=prod", and the Cluster has no label env`,
				},
			},
		},
		"Stale": {
			why:         "a Cluster that was created again is another member",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles:    []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "0")},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Pending,
					Profile:   "team-a/london",
					Why:       "the profile is of an earlier Cluster of this name; it is replaced after its deletion",
				},
			},
		},
		"Held": {
			why:         "the publisher waits for a consumer's finalizer",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles: []inventoryv1alpha1.ClusterProfile{
				published("team-a", "london", "default", "1", func(p *inventoryv1alpha1.ClusterProfile) {
					p.DeletionTimestamp, p.Finalizers = &now, []string{"example.com/cleanup"}
				}),
			},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Pending,
					Profile:   "team-a/london",
					Why:       "the profile is being deleted and waits for example.com/cleanup; it is created again after that",
				},
			},
		},
		"Blocked": {
			why:         "another manager's profile is not changed",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			profiles: []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "", "", func(p *inventoryv1alpha1.ClusterProfile) {
				p.Labels, p.ManagedFields, p.Spec.ClusterManager.Name = nil, nil, "other"
			})},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Blocked,
					Profile:   "team-a/london",
					Why: `ClusterProfile team-a/london belongs to the cluster manager "other" and is left untouched; ` +
						"rename or delete it, or choose another namespace or profileName",
				},
			},
		},
		"NoPublisher": {
			why:         "no publisher has processed the Inventory",
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) { i.Status.Conditions = nil })},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Pending,
					Profile:   "team-a/london",
					Why:       "no publisher has processed the Inventory yet; is it running?",
				},
			},
		},
		"PublisherBehind": {
			why:         "the Inventory's status is of an earlier generation",
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) { i.Generation = 2 })},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Pending,
					Profile:   "team-a/london",
					Why:       "the publisher has not processed the last change of the Inventory yet; is it running?",
				},
			},
		},
		"NotReady": {
			why: "the Inventory's own reason",
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) {
				ready := &i.Status.Conditions[0]
				ready.Status, ready.Reason = metav1.ConditionUnknown, v1alpha1.ReasonPublishing
				ready.Message = "Not every Cluster has been processed yet."
			})},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Pending,
					Profile:   "team-a/london",
					Why:       "the Inventory is not ready (Publishing): Not every Cluster has been processed yet.",
				},
			},
		},
		"OutOfScope": {
			why:         "the Inventory is ready, but the Cluster may be out of the publisher's scope",
			inventories: []v1alpha1.Inventory{inventory("default", 0)},
			want: []explain.Placement{
				{
					Inventory: "default",
					State:     explain.Pending,
					Profile:   "team-a/london",
					Why: "the publisher reports that it has published everything in its scope; --namespace or --watch-filter may " +
						"exclude the Cluster",
				},
			},
		},
		"Reported": {
			why: "a problem of this Cluster is more specific than the Inventory's condition",
			inventories: []v1alpha1.Inventory{inventory("default", 0, func(i *v1alpha1.Inventory) {
				i.Status.Problems = []v1alpha1.InventoryProblem{
					{Cluster: "team-a/paris", Reason: "Other", Message: "no"},
					{Cluster: "team-a/london", Reason: "NamespaceMissing", Message: "make it"},
				}
			})},
			want: []explain.Placement{
				{Inventory: "default", State: explain.Pending, Profile: "team-a/london", Why: "NamespaceMissing: make it"},
			},
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
