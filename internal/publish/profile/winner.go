// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Claim is an Inventory that publishes a Cluster, and the profile that it publishes it as.
type Claim struct {
	Inventory *Inventory
	Profile   types.NamespacedName
}

// Claims is who publishes a Cluster, and who would but does not.
type Claims struct {
	// Granted has at most one claim for each namespace.
	Granted []Claim
	// Selecting are the names of the Inventories that select the Cluster, whether or not they publish it.
	Selecting []string
	// Refused are the problems of those that do not publish it, by the name of the Inventory.
	Refused map[string][]Problem
}

// Decide decides which of the Inventories publish a Cluster. They are given the oldest first: of several that want it in one
// namespace the oldest has it. kept names, by namespace, the Inventories that keep it there in any case: what an Inventory that
// cannot be compiled has published stays as it is, and nobody else's turn comes because of a typo.
func Decide(inventories []*Inventory, kept map[string]string, cluster *clusterv1.Cluster, namespace labels.Set) Claims {
	claims := Claims{Refused: map[string][]Problem{}}
	holders := map[string]string{}
	for in, holder := range kept {
		holders[in] = holder
	}
	for _, inventory := range inventories {
		if !inventory.Selects(cluster, namespace) {
			continue
		}
		claims.Selecting = append(claims.Selecting, inventory.Name())
		key := inventory.Key(cluster)
		if holder, held := holders[key.Namespace]; held {
			claims.Refused[inventory.Name()] = []Problem{problem(v1alpha1.ProblemClaimedByOther,
				"the Inventory %q publishes this Cluster into the namespace %q; a namespace holds one profile of a "+
					"Cluster", holder, key.Namespace)}
			continue
		}
		holders[key.Namespace] = inventory.Name()
		claims.Granted = append(claims.Granted, Claim{Inventory: inventory, Profile: key})
	}
	return claims
}

// SortByAge sorts Inventories as Decide expects them: the oldest first.
func SortByAge(inventories []*Inventory) {
	slices.SortFunc(inventories, func(a, b *Inventory) int {
		if a.OlderThan(b) {
			return -1
		}
		return 1
	})
}

// Kept returns, by namespace, the Inventories that are invalid and have published one of the profiles there. The profiles are all
// of one Cluster.
func Kept(published []*inventoryv1alpha1.ClusterProfile, invalid map[string]error) (map[string]string, error) {
	if len(invalid) == 0 {
		return nil, nil
	}
	kept := map[string]string{}
	for _, p := range published {
		live, err := Read(p)
		if err != nil {
			return nil, err
		}
		if _, inventory, owned := live.Source(); owned && invalid[inventory] != nil {
			kept[live.Namespace] = inventory
		}
	}
	return kept, nil
}

// Has reports whether one of the granted claims is for the profile.
func (c Claims) Has(profile types.NamespacedName) bool {
	for _, claim := range c.Granted {
		if claim.Profile == profile {
			return true
		}
	}
	return false
}
