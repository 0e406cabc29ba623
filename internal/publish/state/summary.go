// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Summary is what the results of all Clusters say about one Inventory.
type Summary struct {
	// Clusters is how many Clusters the Inventory selects.
	Clusters int
	// Problems are in the order of their Clusters.
	Problems []ClusterProblem
	// Complete reports whether all Clusters that have a result were reconciled with the wanted revision of the Inventory.
	Complete bool
}

// ClusterProblem is a problem and the Cluster it is about; the zero name where it is about none.
type ClusterProblem struct {
	Cluster types.NamespacedName
	profile.Problem
}

// ClusterName returns the namespace and name of the Cluster, joined by a slash; a dash where the problem is about none.
func (p ClusterProblem) ClusterName() string {
	if p.Cluster.Name == "" {
		return "-"
	}
	return p.Cluster.String()
}

// Summary sums up the results of an Inventory. Revisions of other Inventories do not matter: what they change for this one
// becomes a result of its own.
func (r *Results) Summary(inventory string, wanted profile.Revision) Summary {
	summary := Summary{Complete: true}
	r.mu.Lock()
	for cluster, of := range r.clusters {
		summary.Complete = summary.Complete && (of.revisions == nil || of.revisions[inventory] == wanted)
		result := of.in(inventory)
		if result.selects {
			summary.Clusters++
		}
		summary.add(cluster, result.problems)
	}
	for _, stray := range r.strays {
		if stray.inventory == inventory {
			summary.add(types.NamespacedName{}, stray.problems)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(summary.Problems, func(a, b ClusterProblem) int {
		return cmp.Or(
			cmp.Compare(a.Cluster.String(), b.Cluster.String()),
			cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return summary
}

func (s *Summary) add(cluster types.NamespacedName, problems []profile.Problem) {
	for _, p := range problems {
		s.Problems = append(s.Problems, ClusterProblem{Cluster: cluster, Problem: p})
	}
}
