// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Standing is what a live profile is to a Cluster that should be published under its name.
type Standing int

// The standings.
const (
	// Absent: there is no profile of that name.
	Absent Standing = iota
	// Ours: this manager published it for this very Cluster.
	Ours
	// Outlived: this manager published it for an earlier Cluster of the same name, which was another member.
	Outlived
	// Foreign: another manager, or another Cluster, has the name.
	Foreign
)

// StandingOf tells what a live profile (nil for none) is to a Cluster. Only a profile that is Ours may be written to, and
// only one that is Ours or Outlived may be deleted.
//
//	manager | provenance names                        | standing
//	--------|-----------------------------------------|---------
//	another | any                                     | Foreign
//	ours    | this Cluster, by namespace, name and UID | Ours
//	ours    | its namespace and name, another UID     | Outlived
//	ours    | nothing, but we applied the profile     | Ours: somebody removed the labels, they come back
//	ours    | anything else                           | Foreign
func StandingOf(live *inventoryv1alpha1.ClusterProfile, manager string, cluster *clusterv1.Cluster) Standing {
	switch {
	case live == nil:
		return Absent
	case live.Spec.ClusterManager.Name != manager:
		return Foreign
	}
	source, stamped := SourceOf(live)
	switch {
	case !stamped && appliedByUs(live):
		return Ours
	case source != types.NamespacedName{Namespace: cluster.Namespace, Name: cluster.Name}:
		return Foreign
	case live.Labels[v1alpha1.LabelClusterUID] != string(cluster.UID):
		return Outlived
	}
	return Ours
}

// SourceOf is the Cluster that a profile's provenance names; false where it names none.
func SourceOf(live metav1.Object) (types.NamespacedName, bool) {
	labels := live.GetLabels()
	source := types.NamespacedName{Namespace: labels[v1alpha1.LabelClusterNamespace], Name: labels[v1alpha1.LabelClusterName]}
	return source, source.Namespace != "" && source.Name != ""
}

func appliedByUs(live *inventoryv1alpha1.ClusterProfile) bool {
	for _, entry := range live.ManagedFields {
		if entry.Manager == FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "" {
			return true
		}
	}
	return false
}

// ForeignProblem tells whose profile is in the way.
func ForeignProblem(live *inventoryv1alpha1.ClusterProfile, manager string) Problem {
	owner := fmt.Sprintf("the cluster manager %q", live.Spec.ClusterManager.Name)
	if source, stamped := SourceOf(live); stamped && live.Spec.ClusterManager.Name == manager {
		owner = fmt.Sprintf("the Cluster %s", source)
	}
	return problem(v1alpha1.ProblemForeignProfile, "ClusterProfile %s/%s belongs to %s and is left untouched; rename or remove it, or choose another namespace or profileName",
		live.Namespace, live.Name, owner)
}
