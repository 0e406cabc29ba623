// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"cmp"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// DefaultManager is the default of the publisher's flag --cluster-manager-name.
const DefaultManager = "cluster-api"

// IsApplied reports whether a publisher has applied an object, as Live.Applied does, without decoding what it owns.
func IsApplied(object metav1.Object) bool {
	return slices.ContainsFunc(object.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == ""
	})
}

// ManagerNames returns, for programs that do not know the flags of publishers, the cluster manager name of each publisher class, given the
// classes of Inventories by name: the one that most of the profiles bear which were applied for Inventories of the class, or else the
// default. Profiles of an earlier name may be left, and a single one, that another writer has forged, must not decide.
func ManagerNames(profiles []inventoryv1alpha1.ClusterProfile, classOf map[string]string) map[string]string {
	counts := map[string]map[string]int{}
	for _, class := range classOf {
		counts[class] = map[string]int{}
	}
	for i := range profiles {
		if class, known := classOf[profiles[i].Labels[v1alpha1.LabelInventory]]; known && IsApplied(&profiles[i]) {
			counts[class][profiles[i].Spec.ClusterManager.Name]++
		}
	}
	names := map[string]string{}
	for class, count := range counts {
		names[class] = DefaultManager
		byFrequency := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
			return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
		})
		if len(byFrequency) > 0 {
			names[class] = byFrequency[0]
		}
	}
	return names
}
