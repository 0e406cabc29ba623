// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// testReferences: a tenant's profile refers to a Secret in another namespace.
func testReferences(t *testing.T, hubClient client.Client, consumer func(...string) *exec.Cmd) {
	t.Helper()
	// A tenant's profile that refers to a Secret in the namespace default.
	works := &inventoryv1alpha1.ClusterProfile{}
	if err := hubClient.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "works"}, works); err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{v1alpha1.LabelClusterNamespace: "default", v1alpha1.LabelClusterName: "works"}
	profile := &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: "works", Labels: labels},
		Spec:       works.Spec,
	}
	if err := hubClient.Create(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	profile.Status = works.Status
	if err := hubClient.Status().Update(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	out, err := consumer("--once", "-n", "kube-public").Output()
	want := "" +
		"NAMESPACE     NAME    REACHABLE   REASON                  VERSION   MESSAGE\n" +
		"kube-public   works   False       ReferenceNotPermitted             The profile refers to a Secret in the namespace " +
		"\"default\", which is not its own; --reference-namespaces permits it\n"
	if diff := cmp.Diff(want, string(out)); err == nil || diff != "" {
		t.Errorf("%v, table -want +got:\n%s", err, diff)
	}
	for _, namespaces := range []string{"default", "*"} {
		if out, err := consumer("--once", "-n", "kube-public", "--reference-namespaces", namespaces).Output(); err != nil {
			t.Errorf("the administrator permits %s, and yet: %v\n%s", namespaces, err, out)
		}
	}
	if err := hubClient.Delete(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
}
