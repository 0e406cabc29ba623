// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestDerivedProperties are those that no Inventory has to ask for.
func TestDerivedProperties(t *testing.T) {
	ofClass := func(cluster *clusterv1.Cluster) {
		cluster.Spec.Topology = clusterv1.Topology{
			ClassRef: clusterv1.ClusterClassRef{Name: "production", Namespace: "classes"},
			Version:  "v1.36.3",
		}
	}
	bare := func(cluster *clusterv1.Cluster) {
		cluster.Spec.ControlPlaneRef, cluster.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{},
			clusterv1.ContractVersionedObjectReference{}
	}
	for name, tc := range map[string]struct {
		why    string
		spec   v1alpha1.InventorySpec
		option fixture.ClusterOption
		want   map[string]string
	}{
		"OfAClass": {
			why: "a Cluster with a topology names its class", option: ofClass, spec: v1alpha1.InventorySpec{ClusterSet: "prod"},
			want: map[string]string{
				"clusterset.k8s.io": "prod", "cluster-class.capi-inventory.dev": "production",
				"control-plane-kind.capi-inventory.dev": "KubeadmControlPlane", "infrastructure-kind.capi-inventory.dev": "DockerCluster",
			},
		},
		"Bare": {why: "what a Cluster does not have is left out, not empty", option: bare, want: map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := compile(t, tc.spec).Status(facts(fixture.Cluster("a", "c1", tc.option)), 1)
			got := map[string]string{}
			for _, p := range out.Status.Properties {
				got[*p.Name] = *p.Value
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.why, diff)
			}
		})
	}
}
