// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"slices"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

// namespacesOf returns the namespaces of profiles.
func namespacesOf(profiles []*inventoryv1alpha1.ClusterProfile) map[string]bool {
	namespaces := map[string]bool{}
	for _, p := range profiles {
		namespaces[p.Namespace] = true
	}
	return namespaces
}

// duplicates finds the profiles of an Inventory that share a value that must be unique with another profile of their namespace, of
// any publisher: the id of the member, which is unique in an inventory (KEP-4322), and the server, by which Argo CD identifies
// clusters.
func duplicates(inventory string, all []*inventoryv1alpha1.ClusterProfile) []state.ClusterProblem {
	return slices.Concat(
		uniqueServer.duplicates(inventory, all),
		uniqueMember.duplicates(inventory, all),
	)
}

// unique is a value that only one profile of a namespace should have.
type unique struct {
	reason string
	// format takes the names of two profiles, their namespace, and the value.
	format string
	// of returns the value of a profile; empty if it has none.
	of func(*inventoryv1alpha1.ClusterProfile) string
}

var (
	uniqueServer = unique{
		reason: v1alpha1.ProblemDuplicateServer,
		format: "ClusterProfiles %s and %s of the namespace %s have the same server %s; Argo CD takes them for one cluster",
		of:     serverOf,
	}
	uniqueMember = unique{
		reason: v1alpha1.ProblemDuplicateMember,
		format: "ClusterProfiles %s and %s of the namespace %s have the same inventory-member-id %s; " +
			"it comes from the label of that name on a Cluster, and must be unique in a namespace",
		of: memberOf,
	}
)

// duplicates reports every profile of the Inventory that is not the first, by name, of those with its value; and the first one if
// the Inventory has no other.
func (u unique) duplicates(inventory string, all []*inventoryv1alpha1.ClusterProfile) []state.ClusterProblem {
	type place struct{ namespace, value string }
	groups := map[place][]*inventoryv1alpha1.ClusterProfile{}
	for _, p := range all {
		if value := u.of(p); value != "" {
			at := place{p.Namespace, value}
			groups[at] = append(groups[at], p)
		}
	}
	var found []state.ClusterProblem
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
			source, _ := profile.LabelledCluster(p)
			found = append(found, state.ClusterProblem{
				Cluster: source,
				Problem: profile.NewProblem(u.reason, u.format, other.Name, p.Name, at.namespace, at.value),
			})
		}
	}
	slices.SortFunc(found, func(a, b state.ClusterProblem) int {
		return cmp.Or(cmp.Compare(a.ClusterName(), b.ClusterName()), cmp.Compare(a.Message, b.Message))
	})
	return found
}

// reported returns the profiles of a group that the Inventory reports.
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

// serverOf returns the server of the first access provider, which consumers that support any provider use; empty if there is none.
func serverOf(p *inventoryv1alpha1.ClusterProfile) string {
	if len(p.Status.AccessProviders) == 0 {
		return ""
	}
	return p.Status.AccessProviders[0].Cluster.Server
}

// memberOf returns the id of the member; empty if there is none.
func memberOf(p *inventoryv1alpha1.ClusterProfile) string {
	return p.Labels[v1alpha1.LabelInventoryMemberID]
}
