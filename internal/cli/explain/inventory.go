// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Candidate is a Cluster that an Inventory may select.
type Candidate struct {
	Cluster *clusterv1.Cluster
	// NamespaceLabels are those of the Cluster's namespace.
	NamespaceLabels labels.Set
}

// Inventory returns what an Inventory does with each of the Clusters, in their order. Facts about one Cluster are ignored.
func Inventory(f Facts, name string, candidates []Candidate) ([]Placement, error) {
	p := newPlacement(f)
	broken, valid, err := p.compile()
	if err != nil {
		return nil, err
	}
	placements := make([]Placement, 0, len(candidates))
	if i := slices.IndexFunc(broken, func(b Placement) bool { return b.Inventory == name }); i >= 0 {
		for range candidates {
			placements = append(placements, broken[i])
		}
		return placements, nil
	}
	i := slices.IndexFunc(valid, func(inventory *profile.Inventory) bool { return inventory.Name() == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no Inventory %s", name)
	}
	near := neighbours(f.Profiles)
	for _, candidate := range candidates {
		p.Cluster, p.NamespaceLabels = candidate.Cluster, candidate.NamespaceLabels
		p.Profiles = near(candidate.Cluster, valid[i].Key(candidate.Cluster))
		if err := p.decide(valid); err != nil {
			return nil, err
		}
		placements = append(placements, p.in(valid[i]))
	}
	return placements, nil
}

// neighbours returns a function that returns the profiles that stand for a Cluster, and the one with a key: a decision about one Cluster
// must not take time for all profiles.
func neighbours(
	fleet []inventoryv1alpha1.ClusterProfile,
) func(*clusterv1.Cluster, types.NamespacedName) []inventoryv1alpha1.ClusterProfile {
	bySource, byKey := map[types.NamespacedName][]int{}, make(map[types.NamespacedName]int, len(fleet))
	for i := range fleet {
		byKey[types.NamespacedName{Namespace: fleet[i].Namespace, Name: fleet[i].Name}] = i
		if source, stamped := profile.LabelledCluster(&fleet[i]); stamped {
			bySource[source] = append(bySource[source], i)
		}
	}
	return func(cluster *clusterv1.Cluster, key types.NamespacedName) []inventoryv1alpha1.ClusterProfile {
		indexes := bySource[types.NamespacedName{Namespace: cluster.Namespace, Name: cluster.Name}]
		if i, found := byKey[key]; found && !slices.Contains(indexes, i) {
			indexes = append(slices.Clone(indexes), i)
		}
		near := make([]inventoryv1alpha1.ClusterProfile, 0, len(indexes))
		for _, i := range indexes {
			near = append(near, fleet[i])
		}
		return near
	}
}
