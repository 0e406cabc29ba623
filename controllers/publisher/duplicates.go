// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"cmp"
	"slices"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// namespacesOf are the namespaces of profiles.
func namespacesOf(profiles []*inventoryv1alpha1.ClusterProfile) map[string]bool {
	namespaces := map[string]bool{}
	for _, p := range profiles {
		namespaces[p.Namespace] = true
	}
	return namespaces
}

// duplicates finds the profiles of an Inventory that share what should be theirs alone with another profile of their namespace,
// whoever published that one: the id of the member, which is unique in an inventory (KEP-4322), and the server, by which Argo
// CD tells clusters apart.
func duplicates(inventory string, all []*inventoryv1alpha1.ClusterProfile) []clusterProblem {
	return slices.Concat(
		sharing(inventory, all, v1alpha1.ProblemDuplicateServer, "ClusterProfiles %s and %s of the namespace %s have the same server %s; Argo CD takes them for one cluster", serverOf),
		sharing(inventory, all, v1alpha1.ProblemDuplicateMember, "ClusterProfiles %s and %s of the namespace %s have the same inventory-member-id %s; it comes from the label of that name on a Cluster, and must be unique in a namespace", memberOf),
	)
}

// sharing reports every profile of the Inventory that is not the first, by name, of those with its value; and the first one where
// the Inventory has no other.
func sharing(inventory string, all []*inventoryv1alpha1.ClusterProfile, reason, format string, valueOf func(*inventoryv1alpha1.ClusterProfile) string) []clusterProblem {
	type place struct{ namespace, value string }
	groups := map[place][]*inventoryv1alpha1.ClusterProfile{}
	for _, p := range all {
		if value := valueOf(p); value != "" {
			at := place{p.Namespace, value}
			groups[at] = append(groups[at], p)
		}
	}
	var found []clusterProblem
	for at, group := range groups {
		if len(group) == 1 {
			continue
		}
		slices.SortFunc(group, func(a, b *inventoryv1alpha1.ClusterProfile) int { return cmp.Compare(a.Name, b.Name) })
		first := group[0]
		for _, p := range reported(inventory, group) {
			other := first
			if p == first {
				other = group[1]
			}
			source, _ := profile.SourceOf(p)
			found = append(found, clusterProblem{Cluster: source, Problem: profile.NewProblem(reason, format, other.Name, p.Name, at.namespace, at.value)})
		}
	}
	slices.SortFunc(found, func(a, b clusterProblem) int {
		return cmp.Or(cmp.Compare(a.cluster(), b.cluster()), cmp.Compare(a.Message, b.Message))
	})
	return found
}

// reported are the profiles of a group that the Inventory reports.
func reported(inventory string, group []*inventoryv1alpha1.ClusterProfile) []*inventoryv1alpha1.ClusterProfile {
	var own []*inventoryv1alpha1.ClusterProfile
	for _, p := range group {
		if p.Labels[v1alpha1.LabelInventory] == inventory {
			own = append(own, p)
		}
	}
	if len(own) > 1 && own[0] == group[0] {
		return own[1:]
	}
	return own
}

// serverOf is the server that consumers dial who take the first access provider; empty where there is none.
func serverOf(p *inventoryv1alpha1.ClusterProfile) string {
	if len(p.Status.AccessProviders) == 0 {
		return ""
	}
	return p.Status.AccessProviders[0].Cluster.Server
}

// memberOf is the id of the member; empty for none.
func memberOf(p *inventoryv1alpha1.ClusterProfile) string {
	return p.Labels[v1alpha1.LabelInventoryMemberID]
}
