// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package printers_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

func TestPrintObject(t *testing.T) {
	profile := inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{
		Namespace:     "a",
		Name:          "london",
		Generation:    12345678,
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "test"}},
	}}
	profile.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile"))
	list := &inventoryv1alpha1.ClusterProfileList{Items: []inventoryv1alpha1.ClusterProfile{profile}}
	list.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfileList"))
	const item = `apiVersion: multicluster.x-k8s.io/v1alpha1
items:
- apiVersion: multicluster.x-k8s.io/v1alpha1
  kind: ClusterProfile
  metadata:
    generation: 12345678
`
	const rest = `    name: london
    namespace: a
  spec:
    clusterManager:
      name: ""
  status:
    version: {}
kind: ClusterProfileList
metadata: {}
`
	cases := map[string]struct {
		why           string
		format        string
		managedFields bool
		value         any
		want          string
	}{
		"YAML": {why: "without nulls, which ClusterProfile has in its status", format: "yaml", value: list, want: item + rest},
		"ManagedFields": {
			why:           "the flag keeps them",
			format:        "yaml",
			managedFields: true,
			value:         list,
			want:          item + "    managedFields:\n    - manager: test\n" + rest,
		},
		"Name":     {why: "the items of a list", format: "name", value: list, want: "clusterprofile.multicluster.x-k8s.io/london\n"},
		"JSONPath": {why: "fields by their names in JSON", format: "jsonpath={.items[0].metadata.name}", value: list, want: "london"},
		"Other": {
			why:    "a value that is not an object of the API",
			format: "yaml",
			value:  map[string]any{"kind": "Rules", "rules": []string{"a"}},
			want:   "kind: Rules\nrules:\n- a\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			flags := genericclioptions.NewPrintFlags("").WithDefaultOutput(tc.format)
			flags.JSONYamlPrintFlags.ShowManagedFields = tc.managedFields
			printer, err := flags.ToPrinter()
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := printers.PrintObject(printer, tc.value, &out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}
