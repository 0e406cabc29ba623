// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package diff_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/diff"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// inventory returns an Inventory that selects every Cluster, created some hours ago.
func inventory(name string, hours int, change ...func(*v1alpha1.InventorySpec)) v1alpha1.Inventory {
	created := metav1.NewTime(now.Add(-time.Duration(hours) * time.Hour))
	i := v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: created}}
	for _, c := range change {
		c(&i.Spec)
	}
	return i
}

func into(namespace string) func(*v1alpha1.InventorySpec) {
	return func(spec *v1alpha1.InventorySpec) { spec.Namespace = namespace }
}

func named(naming v1alpha1.ProfileNaming) func(*v1alpha1.InventorySpec) {
	return func(spec *v1alpha1.InventorySpec) { spec.ProfileName = naming }
}

func selecting(key, value string) func(*v1alpha1.InventorySpec) {
	return func(spec *v1alpha1.InventorySpec) { spec.ClusterSelector.MatchLabels = map[string]string{key: value} }
}

func ofClass(class string) func(*v1alpha1.InventorySpec) {
	return func(spec *v1alpha1.InventorySpec) { spec.PublisherClass = class }
}

func withProperty(expression string) func(*v1alpha1.InventorySpec) {
	return func(spec *v1alpha1.InventorySpec) {
		spec.Properties = []v1alpha1.PropertyExpression{{Name: "p.example.com", Expression: v1alpha1.Expression(expression)}}
	}
}

func withRole(role string) func(*v1alpha1.InventorySpec) {
	return func(spec *v1alpha1.InventorySpec) {
		spec.AccessProviders = []v1alpha1.AccessProvider{{
			Name: "scoped", ServiceAccount: &v1alpha1.ServiceAccountAccess{ClusterRoles: []string{role}},
		}}
	}
}

func trusting(spec *v1alpha1.InventorySpec) { spec.SpokeCheckPolicy = v1alpha1.SpokeCheckPolicyTrust }

// london returns the Cluster of most cases, which is healthy.
func london(options ...fixture.ClusterOption) clusterv1.Cluster {
	options = append([]fixture.ClusterOption{
		fixture.Provisioned("v1.36.3"), fixture.UID("uid-london"), fixture.Labels(map[string]string{"env": "prod"}),
	}, options...)
	return *fixture.Cluster("team-a", "london", options...)
}

// published returns a profile of a Cluster as an Inventory has published it, with an access provider.
func published(
	cluster, namespace, name, inventory string, change ...func(*inventoryv1alpha1.ClusterProfile),
) inventoryv1alpha1.ClusterProfile {
	p := inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
		v1alpha1.LabelInventory:        inventory,
		v1alpha1.LabelClusterNamespace: "team-a",
		v1alpha1.LabelClusterName:      cluster,
		v1alpha1.LabelClusterUID:       "uid-" + cluster,
	}}}
	p.Spec.ClusterManager.Name = "cluster-api"
	p.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{
		{Name: "kubeconfig-secretreader", Cluster: clientcmdv1.Cluster{Server: "https://192.0.2.1:6443"}},
	}
	owned := metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{
		"f:capi-inventory.dev/inventory":{},"f:capi-inventory.dev/cluster-namespace":{},
		"f:capi-inventory.dev/cluster-name":{},"f:capi-inventory.dev/cluster-uid":{}}}}`)
	p.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "capi-inventory-publisher", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: owned,
	}}
	for _, c := range change {
		c(&p)
	}
	return p
}

// foreign makes a profile that of another manager.
func foreign(p *inventoryv1alpha1.ClusterProfile) {
	p.Spec.ClusterManager.Name, p.Labels, p.ManagedFields = "other", nil, nil
}

// namespaces returns namespaces, of which "going" is being deleted.
func namespaces() map[string]*metav1.PartialObjectMetadata {
	all := map[string]*metav1.PartialObjectMetadata{}
	for _, name := range []string{"team-a", "apps", "argocd", "going"} {
		all[name] = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	all["going"].DeletionTimestamp = &metav1.Time{Time: now}
	return all
}

// report compares an edit with a hub.
func report(tb testing.TB, live, edited []v1alpha1.Inventory, facts diff.Facts) diff.Report {
	tb.Helper()
	edit, err := diff.Compile(live, edited, now)
	if err != nil {
		tb.Fatal(err)
	}
	facts.Namespaces, facts.Now = namespaces(), now
	found, err := edit.Diff(facts)
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// lines returns the changes of a report, each in a few lines.
func lines(report diff.Report) []string {
	var all []string
	for _, c := range report.Changes {
		line := fmt.Sprintf("%s %s: %s %s", c.Cluster, c.Inventory, c.Action, c.Profile)
		for _, part := range []struct{ name, text string }{{"replaces", c.From}, {"from", c.FromInventory}, {"why", c.Why}} {
			if part.text != "" {
				line += fmt.Sprintf("; %s %s", part.name, part.text)
			}
		}
		all = append(all, line)
		for _, f := range c.Fields {
			all = append(all, fmt.Sprintf("  %s: %s -> %s", f.Path, f.Before, f.After))
		}
		for _, p := range c.Problems {
			all = append(all, fmt.Sprintf("  %s: %s", p.Reason, p.Message))
		}
	}
	return all
}
