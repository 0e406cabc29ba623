// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/profile"
)

// provenance knows the profiles of this manager by the Cluster that their labels name. It is told of each event before the
// Cluster is enqueued (watches.go), so who looks at a Cluster because of an event knows of it. A field index of the cache would
// keep four keys for each profile, and its lists copy whole profiles, ten thousand of them for the summary of an Inventory.
type provenance struct {
	manager string

	mu       sync.RWMutex
	profiles map[types.NamespacedName][]*inventoryv1alpha1.ClusterProfile
}

// saw replaces a profile by its successor; before is nil for a new one, and after for one that is gone.
func (p *provenance) saw(before, after client.Object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if source, _, ours := p.trace(before); ours {
		key := client.ObjectKeyFromObject(before)
		p.profiles[source] = slices.DeleteFunc(p.profiles[source], func(of *inventoryv1alpha1.ClusterProfile) bool {
			return client.ObjectKeyFromObject(of) == key
		})
		if len(p.profiles[source]) == 0 {
			delete(p.profiles, source)
		}
	}
	if source, of, ours := p.trace(after); ours {
		p.profiles[source] = append(p.profiles[source], of)
	}
}

// trace finds the source of a profile of this manager.
func (p *provenance) trace(object client.Object) (types.NamespacedName, *inventoryv1alpha1.ClusterProfile, bool) {
	of, ok := object.(*inventoryv1alpha1.ClusterProfile)
	if !ok || of.Spec.ClusterManager.Name != p.manager {
		return types.NamespacedName{}, nil, false
	}
	source, stamped := profile.SourceOf(of)
	return source, of, stamped
}

// of are the profiles that name a Cluster as their source. They are the cache's own, and not to be changed.
func (p *provenance) of(cluster types.NamespacedName) []*inventoryv1alpha1.ClusterProfile {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Clone(p.profiles[cluster])
}

// by are the profiles that carry an Inventory's name, in no order. They are the cache's own, and not to be changed.
func (p *provenance) by(inventory string) []*inventoryv1alpha1.ClusterProfile {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var found []*inventoryv1alpha1.ClusterProfile
	for _, profiles := range p.profiles {
		for _, of := range profiles {
			if of.Labels[v1alpha1.LabelInventory] == inventory {
				found = append(found, of)
			}
		}
	}
	return found
}
