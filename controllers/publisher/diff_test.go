// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/diff"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestDiffSaysWhatThePublisherDoes: after each edit the hub is what the diff has said before it.
func TestDiffSaysWhatThePublisherDoes(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace, target := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "diff-a", v1alpha1.InventorySpec{}, namespace)
	hub.inventory(t, "diff-b", v1alpha1.InventorySpec{Namespace: target}, namespace)
	hub.startPublisher(t)
	for name, env := range map[string]string{"c1": "prod", "c2": "test"} {
		cluster := fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": env}))
		hub.createCluster(t, cluster, hub.kubeconfig(name, "https://"+name+":6443"))
		hub.published(t, g, namespace, name)
		hub.published(t, g, target, namespace+"--"+name)
	}
	only := func(env string) metav1.LabelSelector {
		return metav1.LabelSelector{MatchLabels: map[string]string{"env": env}}
	}
	for _, step := range []struct {
		why  string
		edit func(a, b *v1alpha1.InventorySpec)
		// want are the actions of the diff, each once.
		want []diff.Action
	}{
		{
			why:  "contents",
			edit: func(a, _ *v1alpha1.InventorySpec) { a.ClusterSet, a.Labels.Include = "all", []string{"env"} },
			want: []diff.Action{diff.Change},
		},
		{
			why:  "another name",
			edit: func(_, b *v1alpha1.InventorySpec) { b.ProfileName = v1alpha1.ProfileNamingName },
			want: []diff.Action{diff.Rename},
		},
		{
			why:  "a namespace that does not exist",
			edit: func(_, b *v1alpha1.InventorySpec) { b.Namespace = "no-such-namespace" },
			want: []diff.Action{diff.Blocked},
		},
		{
			why:  "the right namespace, and a narrower selector",
			edit: func(_, b *v1alpha1.InventorySpec) { b.Namespace, b.ClusterSelector = target, only("prod") },
			want: []diff.Action{diff.Withdraw},
		},
		{
			why:  "a namespace that the other Inventory has",
			edit: func(_, b *v1alpha1.InventorySpec) { b.Namespace = namespace },
			want: []diff.Action{diff.Blocked},
		},
		{
			why:  "the other one makes room for one Cluster, and takes the rest with it",
			edit: func(a, _ *v1alpha1.InventorySpec) { a.ClusterSelector = only("test") },
			want: []diff.Action{diff.TakeOver, diff.Withdraw},
		},
	} {
		before := hub.profilesIn(t, namespace, target)
		edited, report := hub.diff(t, step.edit)
		var actions []diff.Action
		after := slices.Clone(before)
		for _, change := range report.Changes {
			actions = append(actions, change.Action)
			after = predicted(after, change)
		}
		slices.Sort(actions)
		slices.Sort(after)
		g.Expect(slices.Compact(actions)).To(Equal(step.want), step.why)
		for i := range edited {
			current := &v1alpha1.Inventory{}
			g.Eventually(func() error {
				// The publisher writes its status.
				if err := hub.Get(t.Context(), keyOf(&edited[i]), current); err != nil {
					return err
				}
				current.Spec = edited[i].Spec
				return hub.Update(t.Context(), current)
			}).Should(Succeed())
			g.Eventually(func() *metav1.Condition { return hub.ready(t, current.Name) }).
				Should(HaveField("ObservedGeneration", current.Generation), step.why)
		}
		g.Eventually(func() []string { return hub.profilesIn(t, namespace, target) }).Should(Equal(after), step.why)
		for _, change := range report.Changes {
			hub.expectFields(t, g, change)
		}
	}
}

// diff compares an edit of two Inventories with the hub, and returns them.
func (hub *testHub) diff(t *testing.T, edit func(a, b *v1alpha1.InventorySpec)) ([]v1alpha1.Inventory, diff.Report) {
	t.Helper()
	facts := diff.Facts{Namespaces: map[string]*metav1.PartialObjectMetadata{}, Now: time.Now()}
	var inventories v1alpha1.InventoryList
	var clusters clusterv1.ClusterList
	var profiles inventoryv1alpha1.ClusterProfileList
	namespaces := metav1.PartialObjectMetadataList{}
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	for _, list := range []client.ObjectList{&inventories, &clusters, &profiles, &namespaces} {
		if err := hub.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	for i := range namespaces.Items {
		facts.Namespaces[namespaces.Items[i].Name] = &namespaces.Items[i]
	}
	facts.Clusters, facts.Profiles = clusters.Items, profiles.Items
	edited := make([]v1alpha1.Inventory, 2)
	for i := range inventories.Items {
		if n := slices.Index([]string{"diff-a", "diff-b"}, inventories.Items[i].Name); n >= 0 {
			inventories.Items[i].DeepCopyInto(&edited[n])
		}
	}
	edit(&edited[0].Spec, &edited[1].Spec)
	compiled, err := diff.Compile(inventories.Items, edited, facts.Now)
	if err != nil {
		t.Fatal(err)
	}
	report, err := compiled.Diff(facts)
	if err != nil {
		t.Fatal(err)
	}
	return edited, report
}

// profilesIn returns the names of the profiles in the namespaces, sorted.
func (hub *testHub) profilesIn(t *testing.T, namespaces ...string) []string {
	t.Helper()
	var names []string
	for _, namespace := range namespaces {
		var list inventoryv1alpha1.ClusterProfileList
		if err := hub.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			names = append(names, keyOf(&list.Items[i]).String())
		}
	}
	slices.Sort(names)
	return names
}

// predicted returns the profiles of a hub after a change.
func predicted(profiles []string, change diff.ProfileChange) []string {
	gone := ""
	switch change.Action {
	case diff.Publish:
		return append(profiles, change.Profile)
	case diff.Rename:
		profiles, gone = append(profiles, change.Profile), change.From
	case diff.Withdraw:
		gone = change.Profile
	}
	return slices.DeleteFunc(profiles, func(profile string) bool { return profile == gone })
}

// expectFields waits until a profile has the labels and properties that a diff has said.
func (hub *testHub) expectFields(t *testing.T, g *WithT, change diff.ProfileChange) {
	t.Helper()
	namespace, name, _ := strings.Cut(change.Profile, "/")
	for _, field := range change.Fields {
		key := strings.TrimSuffix(field.Path[strings.Index(field.Path, "[")+1:], "]")
		g.Eventually(func() string {
			profile := &inventoryv1alpha1.ClusterProfile{}
			if err := hub.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, profile); err != nil {
				return err.Error()
			}
			if strings.HasPrefix(field.Path, "metadata.labels") {
				return profile.Labels[key]
			}
			i := slices.IndexFunc(profile.Status.Properties, func(p inventoryv1alpha1.Property) bool { return p.Name == key })
			if i < 0 {
				return ""
			}
			return profile.Status.Properties[i].Value
		}).Should(Equal(field.After), "%s of %s", field.Path, change.Profile)
	}
}
