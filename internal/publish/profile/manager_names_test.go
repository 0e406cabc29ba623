// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

func TestManagerNames(t *testing.T) {
	of := func(inventory, manager, writer string) inventoryv1alpha1.ClusterProfile {
		p := inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.LabelInventory: inventory}}}
		p.Spec.ClusterManager.Name = manager
		p.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: writer, Operation: metav1.ManagedFieldsOperationApply}}
		return p
	}
	for name, tc := range map[string]struct {
		why      string
		profiles []inventoryv1alpha1.ClusterProfile
		want     map[string]string
	}{
		"None": {
			why:  "nothing is published yet",
			want: map[string]string{"": "cluster-api", "blue": "cluster-api"},
		},
		"Classes": {
			why:      "each publisher has a flag of its own",
			profiles: []inventoryv1alpha1.ClusterProfile{of("a", "red", profile.FieldManager), of("b", "blue", profile.FieldManager)},
			want:     map[string]string{"": "red", "blue": "blue"},
		},
		"Most": {
			why: "one that is left, or forged, does not decide",
			profiles: []inventoryv1alpha1.ClusterProfile{
				of("a", "red", profile.FieldManager), of("a", "aaa", profile.FieldManager), of("a", "red", profile.FieldManager),
			},
			want: map[string]string{"": "red", "blue": "cluster-api"},
		},
		"Others": {
			why:      "what no publisher has applied, or for no Inventory that is known, says nothing",
			profiles: []inventoryv1alpha1.ClusterProfile{of("a", "red", "kubectl"), of("c", "red", profile.FieldManager)},
			want:     map[string]string{"": "cluster-api", "blue": "cluster-api"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := profile.ManagerNames(tc.profiles, map[string]string{"a": "", "b": "blue"})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}
