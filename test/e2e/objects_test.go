// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// newNamespace makes a namespace for one story.
func newNamespace(t *testing.T, story string) string {
	t.Helper()
	return useNamespace(t, "e2e-"+story+"-"+rand.String(5))
}

// useNamespace makes a namespace whose name consumers decide, and removes it in the end, unless the hub has it already.
func useNamespace(t *testing.T, name string) string {
	t.Helper()
	if err := k8s.Create(t.Context(), ourNamespace(name)); apierrors.IsAlreadyExists(err) {
		return name
	} else if err != nil {
		t.Fatal(err)
	}
	removeAfter(t, ourNamespace(name))
	return name
}

// newInventory makes an Inventory. In the end it goes, and its profiles before it.
func newInventory(t *testing.T, name string, spec v1alpha1.InventorySpec) {
	t.Helper()
	inventory := named(name)
	inventory.Spec = spec
	if err := k8s.Create(t.Context(), inventory); err != nil {
		t.Fatal(err)
	}
	removeAfter(t, inventory)
}

// named is an Inventory with a name, to be read or deleted.
func named(name string) *v1alpha1.Inventory {
	return &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// removeAfter deletes an object when the story ends, and waits until it is gone.
func removeAfter(t *testing.T, object client.Object) {
	t.Helper()
	t.Cleanup(func() {
		if keep() {
			return
		}
		if err := removed(context.Background(), object); err != nil {
			t.Error(err)
		}
	})
}

// namespaceSelector selects the spoke's namespace, and with it the spoke.
func (s *spoke) namespaceSelector() metav1.LabelSelector {
	return metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.Namespace}}
}

// controlPlane names the spoke's control plane, to be patched.
func (s *spoke) controlPlane() client.Object {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(
		schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmControlPlane"},
	)
	object.SetNamespace(s.Namespace)
	object.SetName(s.Name)
	return object
}

// patch changes an object of the hub by a merge patch in JSON.
func patch(t *testing.T, object client.Object, change string) {
	t.Helper()
	if err := k8s.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(change)), client.FieldOwner("e2e")); err != nil {
		t.Fatal(err)
	}
}
