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

// Compiled are the Inventories of a publisher class, compiled.
type Compiled struct {
	// Valid are those that can publish, the oldest first.
	Valid []*Inventory
	// Invalid are the errors of those whose specification cannot work, by name: what such an Inventory has published is left as it is.
	Invalid map[string]error
}

// Claims decides which of the Inventories publish a Cluster that has these profiles, which say that they are its. Of several that want it
// in one namespace the oldest has it, unless an invalid one has published it there: that one keeps it, so that a typo gives nobody else a
// turn. Its error says that managedFields cannot be decoded.
func (c Compiled) Claims(
	published []*inventoryv1alpha1.ClusterProfile, cluster *clusterv1.Cluster, namespace labels.Set,
) (Claims, error) {
	holders, err := c.keptByInvalid(published)
	if err != nil {
		return Claims{}, err
	}
	claims := Claims{Refused: map[string][]Problem{}}
	for _, inventory := range c.Valid {
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
	return claims, nil
}

// SortByAge sorts Inventories, the oldest first.
func SortByAge(inventories []*Inventory) {
	slices.SortFunc(inventories, func(a, b *Inventory) int {
		if a.olderThan(b) {
			return -1
		}
		return 1
	})
}

// olderThan orders Inventories that claim one Cluster for one namespace: the first one has it.
func (inv *Inventory) olderThan(other *Inventory) bool {
	if inv.created.Equal(&other.created) {
		return inv.name < other.name
	}
	return inv.created.Before(&other.created)
}

// keptByInvalid returns the invalid Inventories that have published one of the profiles, by its namespace.
func (c Compiled) keptByInvalid(published []*inventoryv1alpha1.ClusterProfile) (map[string]string, error) {
	kept := map[string]string{}
	if len(c.Invalid) == 0 {
		return kept, nil
	}
	for _, p := range published {
		live, err := Read(p)
		if err != nil {
			return nil, err
		}
		if _, inventory, owned := live.Provenance(); owned && c.Invalid[inventory] != nil {
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
