// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// clusterCache has Clusters, and notes the namespaces of which they are listed; empty for all.
type clusterCache struct {
	client.Reader
	clusters []clusterv1.Cluster
	listed   []string
}

func (c *clusterCache) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	namespace := (&client.ListOptions{}).ApplyOptions(options).Namespace
	c.listed = append(c.listed, namespace)
	for _, cluster := range c.clusters {
		if namespace == "" || cluster.Namespace == namespace {
			list.(*clusterv1.ClusterList).Items = append(list.(*clusterv1.ClusterList).Items, cluster)
		}
	}
	return nil
}

// TestCandidatesOfStrays: a stray profile is compared with the Clusters that an Inventory may publish in its namespace, and with no others.
func TestCandidatesOfStrays(t *testing.T) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		why string
		// into are the namespaces into which the Inventories publish; empty for that of each Cluster.
		into    []string
		watched []string
		// listed are the namespaces of which Clusters are listed, wanted those Clusters whose profile may be in the namespace.
		listed, wanted []string
	}{
		"None":      {why: "there is no Inventory"},
		"Elsewhere": {why: "no Inventory publishes there", into: []string{"other"}},
		"Own": {
			why: "only Clusters of the namespace have profiles there", into: []string{""},
			listed: []string{"fleet"}, wanted: []string{"fleet/c1"},
		},
		"OwnAndElsewhere": {
			why: "the other Inventory publishes elsewhere", into: []string{"other", ""},
			listed: []string{"fleet"}, wanted: []string{"fleet/c1"},
		},
		"All": {
			why: "an Inventory gathers all Clusters in it", into: []string{"", "fleet"},
			listed: []string{""}, wanted: []string{"fleet/c1", "team-a/c1"},
		},
		"NotWatched": {why: "no Cluster of the namespace is in the cache", into: []string{""}, watched: []string{"team-a"}},
		"AllOfWatched": {
			why: "all that are in the cache", into: []string{"fleet"}, watched: []string{"team-a"},
			listed: []string{""}, wanted: []string{"fleet/c1", "team-a/c1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			snapshot := &source.Snapshot{}
			for _, namespace := range tc.into {
				compiled, err := profile.Compile(compiler, &v1alpha1.Inventory{Spec: v1alpha1.InventorySpec{Namespace: namespace}})
				if err != nil {
					t.Fatal(err)
				}
				snapshot.Valid = append(snapshot.Valid, compiled)
			}
			read := &clusterCache{clusters: []clusterv1.Cluster{*fixture.Cluster("fleet", "c1"), *fixture.Cluster("team-a", "c1")}}
			r := newEmptyReconciler(t, tc.watched)
			r.Client = read
			clusters, inventories, err := strayReconciler{r}.candidates(t.Context(), snapshot, "fleet")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := range clusters {
				got = append(got, client.ObjectKeyFromObject(&clusters[i]).String())
			}
			if diff := cmp.Diff([][]string{tc.listed, tc.wanted}, [][]string{read.listed, got}); diff != "" {
				t.Errorf("%s: lists and Clusters -want +got:\n%s", tc.why, diff)
			}
			for _, inventory := range snapshot.Valid {
				for i := range read.clusters {
					there := inventory.Key(&read.clusters[i]).Namespace == "fleet"
					if publishes, _ := inventory.PublishesInto("fleet"); there && !publishes {
						t.Errorf("the Inventory publishes %s there", client.ObjectKeyFromObject(&read.clusters[i]))
					}
				}
			}
			if len(inventories) > len(tc.into) {
				t.Errorf("got %d Inventories", len(inventories))
			}
		})
	}
}
