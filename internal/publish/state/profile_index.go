// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// ProfileIndex finds profiles by the Cluster and the Inventory that their labels name. An event handler updates it before it
// enqueues a Cluster, so that a reconcile finds the profile of the event that caused it. A field index of the cache would keep
// four keys for each profile, and its lists copy whole profiles. What the index returns are the cache's own objects: they must not
// be changed.
type ProfileIndex struct {
	manager string

	mu sync.RWMutex
	// all holds every profile of the hub, of all writers.
	all map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile
	// published holds those that this publisher has applied, by the Cluster that their labels name: no copies, and none of other
	// cluster managers.
	published map[types.NamespacedName][]*inventoryv1alpha1.ClusterProfile
}

// NewProfileIndex returns an empty index for the publisher of a cluster manager.
func NewProfileIndex(manager string) *ProfileIndex {
	return &ProfileIndex{
		manager:   manager,
		all:       map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{},
		published: map[types.NamespacedName][]*inventoryv1alpha1.ClusterProfile{},
	}
}

// Update replaces a profile by its new state; before is nil for a new profile, and after for a deleted one.
func (i *ProfileIndex) Update(before, after client.Object) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if old, ok := before.(*inventoryv1alpha1.ClusterProfile); ok {
		delete(i.all, client.ObjectKeyFromObject(old))
		if cluster, published := i.sourceOf(old); published {
			i.remove(cluster, client.ObjectKeyFromObject(old))
		}
	}
	if current, ok := after.(*inventoryv1alpha1.ClusterProfile); ok {
		i.all[client.ObjectKeyFromObject(current)] = current
		if cluster, published := i.sourceOf(current); published {
			i.remove(cluster, client.ObjectKeyFromObject(current))
			i.published[cluster] = append(i.published[cluster], current)
		}
	}
}

// remove must be called with the lock held.
func (i *ProfileIndex) remove(cluster, key types.NamespacedName) {
	rest := slices.DeleteFunc(i.published[cluster], func(p *inventoryv1alpha1.ClusterProfile) bool {
		return client.ObjectKeyFromObject(p) == key
	})
	if len(rest) == 0 {
		delete(i.published, cluster)
		return
	}
	i.published[cluster] = rest
}

// sourceOf returns the Cluster that a profile names; false where this publisher has not applied the profile.
func (i *ProfileIndex) sourceOf(p *inventoryv1alpha1.ClusterProfile) (types.NamespacedName, bool) {
	cluster, named := profile.LabelledCluster(p)
	return cluster, named && p.Spec.ClusterManager.Name == i.manager && profile.IsApplied(p)
}

// ForCluster returns the profiles that this publisher has applied and that name a Cluster.
func (i *ProfileIndex) ForCluster(cluster types.NamespacedName) []*inventoryv1alpha1.ClusterProfile {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return slices.Clone(i.published[cluster])
}

// ForInventory returns the profiles that this publisher has applied and that name an Inventory, in no order.
func (i *ProfileIndex) ForInventory(inventory string) []*inventoryv1alpha1.ClusterProfile {
	i.mu.RLock()
	defer i.mu.RUnlock()
	var found []*inventoryv1alpha1.ClusterProfile
	for _, profiles := range i.published {
		for _, p := range profiles {
			if p.Labels[v1alpha1.LabelInventory] == inventory {
				found = append(found, p)
			}
		}
	}
	return found
}

// InNamespaces returns all profiles of some namespaces, of all writers, in no order.
func (i *ProfileIndex) InNamespaces(namespaces map[string]bool) []*inventoryv1alpha1.ClusterProfile {
	i.mu.RLock()
	defer i.mu.RUnlock()
	var found []*inventoryv1alpha1.ClusterProfile
	for key, p := range i.all {
		if namespaces[key.Namespace] {
			found = append(found, p)
		}
	}
	return found
}
