// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestForeignTimes: a time of a writer that Go does not take, or in no year of four digits in UTC, hides nothing. The API server accepts both.
func TestForeignTimes(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "times-"}}
	must(t, env.k8s.Create(t.Context(), namespace))
	p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "london"}}
	p.Spec.ClusterManager.Name = "test"
	must(t, env.k8s.Create(t.Context(), p))
	// Other tests read all namespaces.
	t.Cleanup(func() { must(t, env.k8s.Delete(context.Background(), p)) })
	for _, at := range []string{
		"2026-01-01t00:00:00z", "2026-01-01T00:00:00+25:00", "2026-01-01T00:00:00Zt", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00",
	} {
		// As metadata: the typed client of the test cannot decode the answer.
		profile := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name}}
		profile.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile"))
		must(t, env.k8s.Status().Patch(t.Context(), profile, client.RawPatch(types.MergePatchType, []byte(`{"status": {"conditions": [
			{"type": "ControlPlaneHealthy", "status": "True", "reason": "X", "message": "", "lastTransitionTime": "`+at+`"}]}}`))))
		for _, line := range []string{
			"list", "list -o wide", "list -o json", "list -o yaml", "explain profile/london", "explain profile/london -o json",
			"lint", "lint -o json",
		} {
			got := plugin(t, in("hub.kubeconfig"), append(strings.Fields(line), "-n", namespace.Name)...)
			if got.code == exitError || !strings.Contains(got.out, "london") {
				t.Errorf("%s: %s: exit code %d\n%s%s", at, line, got.code, got.out, got.err)
			}
		}
	}
}
