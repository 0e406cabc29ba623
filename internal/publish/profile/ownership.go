// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Ownership is what a live profile is to a Cluster that should be published under its name.
type Ownership int

// The kinds of ownership.
const (
	// Absent: there is no profile of that name.
	Absent Ownership = iota
	// Owned: this manager published it for this Cluster.
	Owned
	// OfEarlier: this manager published it for an earlier Cluster of the same name, which was another member.
	OfEarlier
	// Foreign: another manager, or another Cluster, has the name.
	Foreign
)

// OwnershipOf returns what a live profile (nil for none) is to a Cluster. Only a profile that is Owned may be written to, and only
// one that MayBeDeleted may be deleted.
//
//	manager | applied by us | the provenance that we own           | ownership
//	--------|---------------|--------------------------------------|---------
//	another | any           | any                                  | Foreign
//	ours    | yes           | names another Cluster                | Foreign
//	ours    | yes           | this Cluster's name, another UID     | OfEarlier
//	ours    | yes           | anything else                        | Owned: what another writer took or changed is restored
//	ours    | no            | (none) the labels name this Cluster  | Owned: managedFields were removed; the next apply owns it again
//	        |               | with its UID                         |
//	ours    | no            | (none) the labels name anything else | Foreign: a copy
func OwnershipOf(live *Live, manager string, cluster *clusterv1.Cluster) Ownership {
	switch {
	case live == nil:
		return Absent
	case live.Spec.ClusterManager.Name != manager:
		return Foreign
	case !live.applied.Applied():
		source, _ := LabelledCluster(live)
		key := types.NamespacedName{Namespace: cluster.Namespace, Name: cluster.Name}
		if source == key && live.Labels[v1alpha1.LabelClusterUID] == string(cluster.UID) {
			return Owned
		}
		return Foreign
	}
	namespace, ownsNamespace := live.label(v1alpha1.LabelClusterNamespace)
	name, ownsName := live.label(v1alpha1.LabelClusterName)
	uid, ownsUID := live.label(v1alpha1.LabelClusterUID)
	switch {
	case ownsNamespace && namespace != cluster.Namespace, ownsName && name != cluster.Name:
		return Foreign
	case ownsUID && uid != string(cluster.UID):
		if ownsNamespace && ownsName {
			return OfEarlier
		}
		return Foreign
	}
	return Owned
}

// OwnershipAmong returns OwnershipOf where several publishers share a hub: the profile of an Inventory that another one serves is Foreign.
func OwnershipAmong(live *Live, manager string, cluster *clusterv1.Cluster, isOthers func(inventory string) bool) Ownership {
	ownership := OwnershipOf(live, manager, cluster)
	if ownership == Absent || ownership == Foreign {
		return ownership
	}
	if _, inventory, owned := live.Provenance(); owned && isOthers(inventory) {
		return Foreign
	}
	return ownership
}

// LabelledCluster returns the Cluster that a profile's labels name, no matter which writer set them; false if they name none.
func LabelledCluster(live metav1.Object) (types.NamespacedName, bool) {
	labels := live.GetLabels()
	source := types.NamespacedName{Namespace: labels[v1alpha1.LabelClusterNamespace], Name: labels[v1alpha1.LabelClusterName]}
	return source, source.Namespace != "" && source.Name != ""
}

// ForeignProblem reports whose profile is in the way.
func ForeignProblem(live *Live, manager string) Problem {
	owner := fmt.Sprintf("the cluster manager %q", live.Spec.ClusterManager.Name)
	if live.Spec.ClusterManager.Name == manager {
		owner = "another writer, who copied or restored it"
		if source, inventory, owned := live.Provenance(); owned {
			owner = fmt.Sprintf("the Cluster %s in the Inventory %q", source, inventory)
		}
	}
	return problem(
		v1alpha1.ProblemForeignProfile,
		"ClusterProfile %s/%s belongs to %s and is left untouched; rename or delete it, or choose another namespace or profileName",
		live.Namespace,
		live.Name,
		owner,
	)
}
