// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// index finds the profiles that a profile has to be compared with, so that linting a fleet takes linear and not quadratic time.
// Its lists are in the order of the fleet.
type index struct {
	fleet []inventoryv1alpha1.ClusterProfile
	// members holds the profiles of a member by one manager, in all namespaces: managers in different namespaces are independent,
	// and two of them may use the same ID for two clusters.
	members map[member][]*inventoryv1alpha1.ClusterProfile
	// seen holds the namespaces in which a member has a profile.
	seen map[member]map[string]bool
	// ids holds the profiles with an ID in a namespace, the oldest first. A namespace is an inventory, in which an ID identifies one
	// member, whichever manager uses it.
	ids map[namespacedKey][]*inventoryv1alpha1.ClusterProfile
	// servers holds the profiles with a server in a namespace, for each consumer, as each may take another access provider.
	servers map[Consumer]map[namespacedKey][]*inventoryv1alpha1.ClusterProfile
}

// member identifies a cluster of a cluster manager.
type member struct{ id, manager string }

// namespacedKey is a value that should be unique in a namespace.
type namespacedKey struct{ namespace, value string }

func newIndex(fleet []inventoryv1alpha1.ClusterProfile) *index {
	x := &index{
		fleet:   fleet,
		members: map[member][]*inventoryv1alpha1.ClusterProfile{},
		seen:    map[member]map[string]bool{},
		ids:     map[namespacedKey][]*inventoryv1alpha1.ClusterProfile{},
		servers: map[Consumer]map[namespacedKey][]*inventoryv1alpha1.ClusterProfile{},
	}
	for i := range fleet {
		p := &fleet[i]
		id := p.Labels[v1alpha1.LabelInventoryMemberID]
		if id == "" {
			continue
		}
		m, key := memberOf(p), namespacedKey{p.Namespace, id}
		x.members[m] = append(x.members[m], p)
		x.ids[key] = append(x.ids[key], p)
		if x.seen[m] == nil {
			x.seen[m] = map[string]bool{}
		}
		x.seen[m][p.Namespace] = true
	}
	for _, profiles := range x.ids {
		slices.SortStableFunc(profiles, func(a, b *inventoryv1alpha1.ClusterProfile) int {
			return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
		})
	}
	return x
}

func memberOf(p *inventoryv1alpha1.ClusterProfile) member {
	return member{id: p.Labels[v1alpha1.LabelInventoryMemberID], manager: p.Spec.ClusterManager.Name}
}

// serversFor returns the profiles by the servers that the subject's consumer would dial.
func (x *index) serversFor(s subject) map[namespacedKey][]*inventoryv1alpha1.ClusterProfile {
	if servers := x.servers[s.consumer]; servers != nil {
		return servers
	}
	servers := map[namespacedKey][]*inventoryv1alpha1.ClusterProfile{}
	for i := range x.fleet {
		s.ClusterProfile = &x.fleet[i]
		for _, p := range s.providers() {
			key := namespacedKey{s.Namespace, serverOf(p)}
			if same := servers[key]; key.value != "" && (len(same) == 0 || same[len(same)-1] != s.ClusterProfile) {
				servers[key] = append(same, s.ClusterProfile)
			}
		}
	}
	x.servers[s.consumer] = servers
	return servers
}

// serverOf returns the server of an access provider as Argo CD compares it.
func serverOf(p provider) string { return strings.TrimRight(p.Cluster.Server, "/") }

// other returns the first of the profiles that is not the subject, or nil.
func (s subject) other(profiles []*inventoryv1alpha1.ClusterProfile) *inventoryv1alpha1.ClusterProfile {
	for _, p := range profiles {
		if p.Namespace != s.Namespace || p.Name != s.Name {
			return p
		}
	}
	return nil
}
