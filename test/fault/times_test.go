// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/test/output"
)

// TestTimesThatGoRefuses: a writer of one profile, of any namespace, cannot stop the publisher with a time that the API server accepts and
// Go does not; neither before the publisher starts nor while it runs.
func TestTimesThatGoRefuses(t *testing.T) {
	s := newStage(t)
	london, paris := types.NamespacedName{
		Namespace: s.clusters[0],
		Name:      "london",
	}, types.NamespacedName{
		Namespace: s.clusters[1],
		Name:      "paris",
	}
	s.setInventory(t, "all", inventoryState{into: s.shared})
	s.createCluster(t, london, clusterState{env: "production", version: "v1.36.0", healthy: true})
	elsewhere := s.name + "-elsewhere"
	s.createNamespace(t, elsewhere)
	writeTime(t, elsewhere, "before", "2026-01-01t00:00:00z")

	var logs output.Buffer
	run(t, &logs, server.Config(), build(t, "publisher", "../../cmd/publisher"), "--leader-elect=false", "--stale-after=0",
		"--cluster-manager-name="+s.name, "--publisher-class="+s.name)
	eventually(t, func() []string { return s.audit(t) })

	writeTime(t, elsewhere, "meanwhile", "2026-01-01T00:00:00+25:00")
	writeTime(t, elsewhere, "then", "2026-01-01T00:00:00Zt")
	s.createCluster(t, paris, clusterState{env: "production", version: "v1.36.0", healthy: true})
	eventually(t, func() []string { return s.audit(t) })
}

// writeTime makes a profile with a time, until the test ends: the client of the tests cannot read it either.
func writeTime(t *testing.T, namespace, name, at string) {
	t.Helper()
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	profile.Spec.ClusterManager.Name = "other"
	must(t, hub.Create(t.Context(), profile))
	metadata := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	metadata.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile"))
	must(t, hub.Status().Patch(t.Context(), metadata, client.RawPatch(types.MergePatchType, []byte(
		`{"status":{"conditions":[{"type":"Joined","status":"True","reason":"X","message":"","lastTransitionTime":"`+at+`"}]}}`))))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		metadata.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile"))
		must(t, hub.Delete(ctx, metadata))
	})
}
