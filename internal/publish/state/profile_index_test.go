// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

// applied is a profile that this publisher has applied.
func applied(key, cluster types.NamespacedName, inventory string) *inventoryv1alpha1.ClusterProfile {
	return &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace,
			Name:      key.Name,
			Labels: map[string]string{
				v1alpha1.LabelInventory:        inventory,
				v1alpha1.LabelClusterNamespace: cluster.Namespace,
				v1alpha1.LabelClusterName:      cluster.Name,
			},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: profile.FieldManager, Operation: metav1.ManagedFieldsOperationApply}},
		},
		Spec: inventoryv1alpha1.ClusterProfileSpec{ClusterManager: inventoryv1alpha1.ClusterManager{Name: "cluster-api"}},
	}
}

func TestProfileIndex(t *testing.T) {
	published := applied(p1, c1, "default")
	relabelled := applied(p1, c2, "other")
	copied := applied(types.NamespacedName{Namespace: "fleet", Name: "copy"}, c1, "default")
	copied.ManagedFields = nil
	foreign := applied(types.NamespacedName{Namespace: "fleet", Name: "foreign"}, c1, "default")
	foreign.Spec.ClusterManager.Name = "open-cluster-management"
	type counts struct{ ForC1, ForC2, ForDefault, InFleet int }
	for name, tc := range map[string]struct {
		why string
		// events are the states of profiles before and after.
		events [][2]client.Object
		want   counts
	}{
		"Created": {
			why:    "it is found by its Cluster",
			events: [][2]client.Object{{nil, published}},
			want:   counts{ForC1: 1, ForDefault: 1, InFleet: 1},
		},
		"CreatedTwice": {
			why:    "a second event of one profile does not count twice",
			events: [][2]client.Object{{nil, published}, {nil, published}},
			want:   counts{ForC1: 1, ForDefault: 1, InFleet: 1},
		},
		"Relabelled": {
			why:    "it is found by what its labels name now",
			events: [][2]client.Object{{nil, published}, {published, relabelled}},
			want:   counts{ForC2: 1, InFleet: 1},
		},
		"Deleted": {
			why:    "it is not found any more",
			events: [][2]client.Object{{nil, published}, {published, nil}},
		},
		"Copy": {
			why:    "the publisher has not applied it, but it exists",
			events: [][2]client.Object{{nil, copied}},
			want:   counts{InFleet: 1},
		},
		"Foreign": {
			why:    "another cluster manager has applied it",
			events: [][2]client.Object{{nil, foreign}},
			want:   counts{InFleet: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := state.NewProfileIndex("cluster-api")
			for _, e := range tc.events {
				i.Update(e[0], e[1])
			}
			got := counts{
				ForC1:      len(i.ForCluster(c1)),
				ForC2:      len(i.ForCluster(c2)),
				ForDefault: len(i.ForInventory("default")),
				InFleet:    len(i.InNamespaces(map[string]bool{"fleet": true})),
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
			if len(i.InNamespaces(map[string]bool{"elsewhere": true})) > 0 {
				t.Error("no profile is in another namespace")
			}
		})
	}
}
