// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
)

// maxMembers is the number of Clusters of an Inventory that are sent in full.
const maxMembers = 500

// Summary is what the page shows of every Inventory.
type Summary struct {
	Name string `json:"name"`
	// Namespace is where its profiles are; empty means beside their Clusters.
	Namespace string `json:"namespace,omitempty"`
	Clusters  int32  `json:"clusters"`
	Published int32  `json:"published"`
	// Problems is the number of those in the status, which holds the first 20; More means that there may be others.
	Problems int  `json:"problems"`
	More     bool `json:"more,omitempty"`
	// Ready is the status of the condition; empty if no publisher has processed the Inventory.
	Ready  string `json:"ready,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// NewSummary returns the summary of an Inventory.
func NewSummary(inventory *v1alpha1.Inventory) Summary {
	summary := Summary{
		Name:      inventory.Name,
		Namespace: inventory.Spec.Namespace,
		Clusters:  inventory.Status.Clusters,
		Published: inventory.Status.Published,
		Problems:  len(inventory.Status.Problems),
		More:      len(inventory.Status.Problems) >= v1alpha1.MaxProblems,
	}
	if ready := meta.FindStatusCondition(inventory.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		summary.Ready, summary.Reason = string(ready.Status), ready.Reason
	}
	return summary
}

// Inventory is the details of an Inventory.
type Inventory struct {
	Summary    Summary     `json:"summary"`
	Selectors  []string    `json:"selectors"`
	Conditions []Condition `json:"conditions"`
	// Problems are those of the status.
	Problems []v1alpha1.InventoryProblem `json:"problems"`
	// Counts are the numbers of Clusters by what the Inventory does with them.
	Counts map[explain.State]int `json:"counts"`
	// Members are the Clusters, those that are selected and not published first, at most 500.
	Members []Member `json:"members"`
	// Unread lists what the user may not read, and what is not known because of that.
	Unread   []string  `json:"unread,omitempty"`
	Commands []Command `json:"commands"`
}

// Member is what an Inventory does with a Cluster.
type Member struct {
	Cluster string `json:"cluster"`
	explain.Placement
}

// order is the order of the members of an Inventory.
var order = []explain.State{
	explain.Broken, explain.Blocked, explain.ClaimedByOther, explain.Pending, explain.Withdrawing, explain.Unknown, explain.NotSelected,
	explain.Published,
}

// NewInventory returns the details of an Inventory. facts are those of the hub, without a Cluster.
func NewInventory(
	inventory *v1alpha1.Inventory, facts explain.Facts, candidates []explain.Candidate, flags []string,
) (Inventory, error) {
	placements, err := explain.Inventory(facts, inventory.Name, candidates)
	if err != nil {
		return Inventory{}, fmt.Errorf("explaining the Inventory %s: %w", inventory.Name, err)
	}
	details := Inventory{
		Summary:    NewSummary(inventory),
		Selectors:  selectors(&inventory.Spec),
		Conditions: conditions("Inventory", inventory.Status.Conditions),
		Problems:   append([]v1alpha1.InventoryProblem{}, inventory.Status.Problems...),
		Counts:     map[explain.State]int{},
		Members:    make([]Member, 0, len(placements)),
		Commands:   inventoryCommands(inventory.Name, flags),
	}
	for i, placement := range placements {
		cluster := candidates[i].Cluster
		details.Counts[placement.State]++
		details.Members = append(details.Members, Member{Cluster: cluster.Namespace + "/" + cluster.Name, Placement: placement})
	}
	slices.SortStableFunc(details.Members, func(a, b Member) int {
		return cmp.Or(slices.Index(order, a.State)-slices.Index(order, b.State), cmp.Compare(a.Cluster, b.Cluster))
	})
	details.Members = details.Members[:min(len(details.Members), maxMembers)]
	return details, nil
}

// selectors returns what the Inventory selects, for a reader.
func selectors(spec *v1alpha1.InventorySpec) []string {
	var out []string
	if text := metav1.FormatLabelSelector(&spec.ClusterSelector); text != "<none>" {
		out = append(out, "Clusters with "+text)
	} else {
		out = append(out, "all Clusters")
	}
	if text := metav1.FormatLabelSelector(&spec.NamespaceSelector); text != "<none>" {
		out = append(out, "in namespaces with "+text)
	}
	return out
}
