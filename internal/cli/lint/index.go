// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// index finds the profiles that a profile has to be compared with, so that a fleet takes a time by its size and not by its
// square. Its lists are in the order of the fleet.
type index struct {
	fleet []inventoryv1alpha1.ClusterProfile
	// members are the profiles of a member by one manager, wherever they are: managers in different namespaces do not know of
	// each other, and two of them may give the same id to two clusters.
	members map[member][]*inventoryv1alpha1.ClusterProfile
	// seen are the namespaces in which a member has a profile.
	seen map[member]map[string]bool
	// ids are the profiles with an id in a namespace, the oldest first. A namespace is an inventory, and there an id stands for
	// one member, whichever manager gives it.
	ids map[within][]*inventoryv1alpha1.ClusterProfile
	// servers are the profiles with a server in a namespace, for each consumer, as each takes another access provider.
	servers map[Consumer]map[within][]*inventoryv1alpha1.ClusterProfile
}

// member is a cluster as its manager knows it.
type member struct{ id, manager string }

// within is something that is to be unique in a namespace.
type within struct{ namespace, what string }

func newIndex(fleet []inventoryv1alpha1.ClusterProfile) *index {
	x := &index{
		fleet:   fleet,
		members: map[member][]*inventoryv1alpha1.ClusterProfile{},
		seen:    map[member]map[string]bool{},
		ids:     map[within][]*inventoryv1alpha1.ClusterProfile{},
		servers: map[Consumer]map[within][]*inventoryv1alpha1.ClusterProfile{},
	}
	for i := range fleet {
		p := &fleet[i]
		id := p.Labels[v1alpha1.LabelInventoryMemberID]
		if id == "" {
			continue
		}
		m, here := memberOf(p), within{p.Namespace, id}
		x.members[m] = append(x.members[m], p)
		x.ids[here] = append(x.ids[here], p)
		if x.seen[m] == nil {
			x.seen[m] = map[string]bool{}
		}
		x.seen[m][p.Namespace] = true
	}
	for _, same := range x.ids {
		slices.SortStableFunc(same, func(a, b *inventoryv1alpha1.ClusterProfile) int {
			return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
		})
	}
	return x
}

func memberOf(p *inventoryv1alpha1.ClusterProfile) member {
	return member{id: p.Labels[v1alpha1.LabelInventoryMemberID], manager: p.Spec.ClusterManager.Name}
}

// serversFor are the servers that a consumer would dial.
func (x *index) serversFor(s subject) map[within][]*inventoryv1alpha1.ClusterProfile {
	if servers := x.servers[s.consumer]; servers != nil {
		return servers
	}
	servers := map[within][]*inventoryv1alpha1.ClusterProfile{}
	for i := range x.fleet {
		s.ClusterProfile = &x.fleet[i]
		for _, w := range s.providers() {
			at := within{s.Namespace, serverOf(w)}
			if same := servers[at]; at.what != "" && (len(same) == 0 || same[len(same)-1] != s.ClusterProfile) {
				servers[at] = append(same, s.ClusterProfile)
			}
		}
	}
	x.servers[s.consumer] = servers
	return servers
}

// serverOf is the server of an access provider as Argo CD compares it.
func serverOf(w provider) string { return strings.TrimRight(w.Cluster.Server, "/") }

// other is the first of the profiles that is not the subject; nil where there is none.
func (s subject) other(profiles []*inventoryv1alpha1.ClusterProfile) *inventoryv1alpha1.ClusterProfile {
	for _, p := range profiles {
		if p.Namespace != s.Namespace || p.Name != s.Name {
			return p
		}
	}
	return nil
}
