// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// index finds profiles by the Cluster and the Inventory that their labels name. The event handlers update it before they
// enqueue a Cluster (watches.go), so whoever reconciles a Cluster because of an event finds the profile of that event. A field
// index of the cache would keep four keys for each profile, and its lists copy whole profiles. What it returns are the cache's
// own objects, not to be changed.
type index struct {
	manager string

	mu sync.RWMutex
	// all holds every profile of the hub, whoever wrote it.
	all map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile
	// published holds those that this publisher has applied, by the Cluster that their labels name: copies and what other
	// managers made are not among them.
	published map[types.NamespacedName][]*inventoryv1alpha1.ClusterProfile
}

func newIndex(manager string) *index {
	return &index{
		manager:   manager,
		all:       map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{},
		published: map[types.NamespacedName][]*inventoryv1alpha1.ClusterProfile{},
	}
}

// replace replaces a profile by what became of it; before is nil for a new one, and after for one that is gone.
func (i *index) replace(before, after client.Object) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if old, ok := before.(*inventoryv1alpha1.ClusterProfile); ok {
		delete(i.all, client.ObjectKeyFromObject(old))
		if cluster, published := i.source(old); published {
			i.remove(cluster, client.ObjectKeyFromObject(old))
		}
	}
	if current, ok := after.(*inventoryv1alpha1.ClusterProfile); ok {
		i.all[client.ObjectKeyFromObject(current)] = current
		if cluster, published := i.source(current); published {
			i.remove(cluster, client.ObjectKeyFromObject(current))
			i.published[cluster] = append(i.published[cluster], current)
		}
	}
}

// remove must be called with the lock held.
func (i *index) remove(cluster, key types.NamespacedName) {
	left := slices.DeleteFunc(i.published[cluster], func(p *inventoryv1alpha1.ClusterProfile) bool { return client.ObjectKeyFromObject(p) == key })
	if len(left) == 0 {
		delete(i.published, cluster)
		return
	}
	i.published[cluster] = left
}

// source returns the Cluster that a profile names; false where this publisher has not applied the profile.
func (i *index) source(p *inventoryv1alpha1.ClusterProfile) (types.NamespacedName, bool) {
	cluster, named := profile.SourceOf(p)
	return cluster, named && p.Spec.ClusterManager.Name == i.manager && slices.ContainsFunc(p.ManagedFields, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == profile.FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == ""
	})
}

// of returns the profiles that this publisher has applied and that name a Cluster.
func (i *index) of(cluster types.NamespacedName) []*inventoryv1alpha1.ClusterProfile {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return slices.Clone(i.published[cluster])
}

// by returns the profiles that this publisher has applied and that name an Inventory, in no order.
func (i *index) by(inventory string) []*inventoryv1alpha1.ClusterProfile {
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

// in returns all profiles of some namespaces, whoever wrote them, in no order.
func (i *index) in(namespaces map[string]bool) []*inventoryv1alpha1.ClusterProfile {
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
