// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// marker is the name of a Cluster, and of its Inventory, that nothing disturbs. Its profile shows how far the publisher has read.
const marker = "marker"

func (s *stage) markerKey() types.NamespacedName {
	return types.NamespacedName{Namespace: s.name + "-" + marker, Name: marker}
}

func (s *stage) createMarker(t tester) {
	t.Helper()
	s.createNamespace(t, s.markerKey().Namespace)
	s.createCluster(t, s.markerKey(), clusterState{version: "v1.0.0", healthy: true})
	spec := v1alpha1.InventorySpec{PublisherClass: s.name}
	spec.NamespaceSelector.MatchLabels = map[string]string{corev1.LabelMetadataName: s.markerKey().Namespace}
	must(t, hub.Create(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: s.name + "-" + marker}, Spec: spec}))
}

// caughtUp waits until the publisher has read everything that was written before: it has followed a change of each kind of object.
func (s *stage) caughtUp(t tester, p *program) {
	t.Helper()
	s.writes++
	key, set, version := s.markerKey(), fmt.Sprintf("s%d", s.writes), fmt.Sprintf("v1.%d.0", s.writes)
	forge(t, key, v1alpha1.LabelInventory, false)
	address := fmt.Sprintf("https://%d.marker.example.com:6443", s.writes)
	s.setKubeconfig(t, key, kubeconfig(marker, address))
	s.editCluster(t, key, clusterState{version: version, healthy: true})
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"clusterSet":%q}}`, set))
	must(t, hub.Patch(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: s.name + "-" + marker}}, patch))
	p.eventually(t, func() []string {
		profile := &inventoryv1alpha1.ClusterProfile{}
		if err := hub.Get(t.Context(), key, profile); err != nil {
			return []string{err.Error()}
		}
		got := []string{
			profile.Labels[v1alpha1.LabelInventory], serverIn(profile), profile.Status.Version.Kubernetes,
			propertyIn(profile, v1alpha1.PropertyClusterSet),
		}
		want := []string{s.name + "-" + marker, address, version, set}
		for i := range want {
			if got[i] != want[i] {
				return []string{fmt.Sprintf("the publisher has not caught up: %q instead of %q", got, want)}
			}
		}
		return nil
	})
}

// eventually waits until there are no faults, while the publisher's time passes.
func (p *program) eventually(t tester, faults func() []string) {
	t.Helper()
	eventually(t, func() []string {
		found := faults()
		if len(found) > 0 {
			p.clock.Step(time.Minute)
		}
		return found
	})
}
