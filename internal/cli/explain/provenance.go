// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// noted explains a profile whose labels name a Cluster, among others that do.
func (f Facts) noted(p *inventoryv1alpha1.ClusterProfile, cluster types.NamespacedName) Profile {
	out := f.profile(p)
	if f.Only == (types.NamespacedName{}) && !hasProvenance(p) {
		out.Note = standsFor(p, cluster)
	}
	return out
}

// standsFor says whether a profile stands for the Cluster that its labels name. Any writer can set labels.
func standsFor(p *inventoryv1alpha1.ClusterProfile, cluster types.NamespacedName) string {
	if hasProvenance(p) {
		return fmt.Sprintf("It stands for the Cluster %s.", cluster)
	}
	return fmt.Sprintf("Its labels name the Cluster %s, but a publisher has not set them: it is a copy, or of another writer.", cluster)
}

// hasProvenance reports whether a publisher has set the labels that name the Cluster and the Inventory of a profile.
func hasProvenance(p *inventoryv1alpha1.ClusterProfile) bool {
	live, err := profile.Read(p)
	if err != nil {
		return false
	}
	_, _, owned := live.Provenance()
	return owned
}
