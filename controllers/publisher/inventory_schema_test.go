// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

func TestInventoryIsValidatedByItsSchema(t *testing.T) {
	hub := freeHub(t)
	exec := &v1alpha1.ExecAccess{Server: "'https://a:1'"}
	for name, tc := range map[string]struct {
		inventory v1alpha1.Inventory
		says      string
	}{
		"LongName": {
			inventory: v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: strings.Repeat("n", 64)}},
			says:      "metadata.name",
		},
		"BadNamespace":  {inventory: named("x", v1alpha1.InventorySpec{Namespace: "Argo_CD"}), says: "spec.namespace"},
		"UnknownNaming": {inventory: named("x", v1alpha1.InventorySpec{ProfileName: "Random"}), says: "spec.profileName"},
		"ReservedProperty": {
			inventory: named("x", v1alpha1.InventorySpec{Properties: []v1alpha1.PropertyExpression{{
				Name:       "clusterset.k8s.io",
				Expression: "'x'",
			}}}),
			says: "reserved",
		},
		"PropertyTwice": {
			inventory: named("x", v1alpha1.InventorySpec{Properties: []v1alpha1.PropertyExpression{
				{Name: "a.example.com", Expression: "'x'"},
				{Name: "a.example.com", Expression: "'y'"},
			}}),
			says: "spec.properties[1]",
		},
		"NoExpression": {
			inventory: named("x", v1alpha1.InventorySpec{Properties: []v1alpha1.PropertyExpression{{Name: "a.example.com"}}}),
			says:      "expression",
		},
		"ProviderTwice": {
			inventory: named("x", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{
				{Name: "a", Exec: exec},
				{Name: "a", Exec: exec},
			}}),
			says: "spec.accessProviders[1]",
		},
		"ProviderOfNoKind": {
			inventory: named("x", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{{Name: "a"}}}),
			says:      "exactly one of",
		},
		"ProviderOfTwoKinds": {
			inventory: named("x", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{{
				Name:             "a",
				Exec:             exec,
				KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{},
			}}}),
			says: "exactly one of",
		},
		"CAWithoutServer": {
			inventory: named("x", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{{
				Name: "a",
				Exec: &v1alpha1.ExecAccess{CertificateAuthority: "'x'"},
			}}}),
			says: "go with a server",
		},
		"BadSuffix": {
			inventory: named("x", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{{
				Name:             "a",
				KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{NameSuffix: "_X"},
			}}}),
			says: "nameSuffix",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := hub.Create(t.Context(), &tc.inventory)
			if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v; want it refused with %q", err, tc.says)
			}
			if err == nil {
				hub.removeInventory(t, tc.inventory.Name)
			}
		})
	}
}

// TestClassOfAnInventoryStays: two publishers would otherwise act on its profiles. An Inventory need not have a spec.
func TestClassOfAnInventoryStays(t *testing.T) {
	hub := freeHub(t)
	const none, fleet, red, blue = `null`, `{"namespace":"fleet"}`, `{"publisherClass":"red"}`, `{"publisherClass":"blue"}`
	for name, tc := range map[string]struct {
		before, after string
		refused       bool
	}{
		"GivenToNoSpec":   {none, red, true},
		"GivenToSpec":     {fleet, red, true},
		"Changed":         {red, blue, true},
		"Taken":           {red, `{"publisherClass":null,"namespace":"fleet"}`, true},
		"TakenWithSpec":   {red, none, true},
		"Kept":            {red, fleet, false},
		"FieldToNoSpec":   {none, fleet, false},
		"SpecIsTakenAway": {fleet, none, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			inventory := &unstructured.Unstructured{}
			g.Expect(inventory.UnmarshalJSON([]byte(`{"apiVersion":"capi-inventory.dev/v1alpha1","kind":"Inventory",
				"metadata":{"generateName":"class-"},"spec":` + tc.before + `}`))).To(Succeed())
			if tc.before == none {
				unstructured.RemoveNestedField(inventory.Object, "spec")
			}
			g.Expect(hub.Create(t.Context(), inventory)).To(Succeed())
			err := hub.Patch(t.Context(), inventory, client.RawPatch(types.MergePatchType, []byte(`{"spec":`+tc.after+`}`)))
			hub.removeInventory(t, inventory.GetName())
			if tc.refused {
				g.Expect(err).To(MatchError(ContainSubstring("spec.publisherClass: Invalid value")))
			} else {
				g.Expect(err).NotTo(HaveOccurred())
			}
		})
	}
}
