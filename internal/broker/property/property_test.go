// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package property_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/broker/property"
)

// owned is an entry of managedFields: of a manager that owns the values of properties.
func owned(by string, operation metav1.ManagedFieldsOperationType, properties ...string) metav1.ManagedFieldsEntry {
	items := make([]string, 0, len(properties))
	for _, name := range properties {
		items = append(items, fmt.Sprintf(`"k:{\"name\":\"%s\"}":{".":{},"f:name":{},"f:value":{}}`, name))
	}
	return metav1.ManagedFieldsEntry{
		Manager:     by,
		Operation:   operation,
		Subresource: "status",
		FieldsV1:    metav1.NewFieldsV1(`{"f:status":{"f:properties":{` + strings.Join(items, ",") + `}}}`),
	}
}

func live(properties []inventoryv1alpha1.Property, managed ...metav1.ManagedFieldsEntry) *inventoryv1alpha1.ClusterProfile {
	return &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: "fleet", Name: "c1", ResourceVersion: "7", ManagedFields: managed},
		Status:     inventoryv1alpha1.ClusterProfileStatus{Properties: properties},
	}
}

func many(n int) []property.Property {
	properties := make([]property.Property, 0, n)
	for i := range n {
		properties = append(properties, property.Property{Name: fmt.Sprintf("p%03d.example.com", i), Value: "v"})
	}
	return properties
}

func TestDecide(t *testing.T) {
	const id = "0e4a1f62-9d0b-4b5b-8a53-3f1f0b0c8d11"
	for name, tc := range map[string]struct {
		why     string
		said    property.Spoke
		live    *inventoryv1alpha1.ClusterProfile
		want    []string
		changes bool
		skipped string
	}{
		"ID of kube-system": {
			why:     "a spoke without ClusterProperties is identified all the same",
			said:    property.Spoke{ID: id},
			live:    live(nil),
			want:    []string{"cluster.clusterset.k8s.io=" + id},
			changes: true,
		},
		"ID of its own": {
			why: "the cluster knows best what it is called",
			said: property.Spoke{ID: id, Properties: []property.Property{
				{Name: "cluster.clusterset.k8s.io", Value: "paris"}, {Name: "a.example.com", Value: "1"},
			}},
			live:    live(nil),
			want:    []string{"a.example.com=1", "cluster.clusterset.k8s.io=paris"},
			changes: true,
		},
		"at rest": {
			why:  "what is published already is not applied again",
			said: property.Spoke{ID: id},
			live: live([]inventoryv1alpha1.Property{{Name: "of-others", Value: "1"}, {Name: "cluster.clusterset.k8s.io", Value: id}},
				owned(property.FieldManager, metav1.ManagedFieldsOperationApply, "cluster.clusterset.k8s.io"),
				owned("another", metav1.ManagedFieldsOperationApply, "of-others")),
			want: []string{"cluster.clusterset.k8s.io=" + id},
		},
		"owned by another": {
			why:  "by apply or by update, an entry of another manager is left alone",
			said: property.Spoke{Properties: []property.Property{{Name: "applied", Value: "1"}, {Name: "updated", Value: "2"}, {Name: "x", Value: "3"}}},
			live: live([]inventoryv1alpha1.Property{{Name: "applied", Value: "theirs"}, {Name: "updated", Value: "2"}},
				owned("one", metav1.ManagedFieldsOperationApply, "applied"), owned("two", metav1.ManagedFieldsOperationUpdate, "updated")),
			want:    []string{"x=3"},
			changes: true,
			skipped: "applied (another writer publishes it), updated (another writer publishes it)",
		},
		"shared with another": {
			why:  "where another manager has come to own our entry too, it is theirs from then on",
			said: property.Spoke{Properties: []property.Property{{Name: "x", Value: "3"}}},
			live: live([]inventoryv1alpha1.Property{{Name: "x", Value: "3"}},
				owned(property.FieldManager, metav1.ManagedFieldsOperationApply, "x"), owned("one", metav1.ManagedFieldsOperationApply, "x")),
			changes: true,
			skipped: "x (another writer publishes it)",
		},
		"gone": {
			why: "what the spoke no longer says is removed",
			live: live([]inventoryv1alpha1.Property{{Name: "x", Value: "3"}},
				owned(property.FieldManager, metav1.ManagedFieldsOperationApply, "x")),
			changes: true,
		},
		"nothing": {
			why:  "a spoke that says nothing needs no write",
			live: live([]inventoryv1alpha1.Property{{Name: "x", Value: "3"}}, owned("one", metav1.ManagedFieldsOperationApply, "x")),
		},
		"reserved": {
			why:     "a spoke does not speak for the publisher",
			said:    property.Spoke{Properties: []property.Property{{Name: "cluster-class.capi-inventory.dev", Value: "1"}}},
			live:    live(nil),
			skipped: "cluster-class.capi-inventory.dev (the name is reserved)",
		},
		"a value that does not fit": {
			why: "one that is cut would be another value",
			said: property.Spoke{Properties: []property.Property{
				{Name: "long", Value: strings.Repeat("x", 1025)}, {Name: "fits", Value: strings.Repeat("x", 1024)}, {Name: "none"},
			}},
			live:    live(nil),
			want:    []string{"fits=" + strings.Repeat("x", 1024)},
			changes: true,
			skipped: "long (its value has 1025 bytes, and ClusterProfile allows 1 to 1024), none (its value has 0 bytes, and " +
				"ClusterProfile allows 1 to 1024)",
		},
		"names of a hostile spoke": {
			why: "no API server stores such names, and a list with one name twice cannot be applied",
			said: property.Spoke{Properties: []property.Property{
				{Name: "a\x1b[31m\n", Value: "1"}, {Name: "twice", Value: "1"}, {Name: "twice", Value: "2"},
			}},
			live:    live(nil),
			want:    []string{"twice=1"},
			changes: true,
			skipped: "a [31m (not the name of an object), twice (not the name of an object)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := property.Decide(tc.said, tc.live)
			if err != nil {
				t.Fatal(err)
			}
			var published []string
			for _, p := range got.Wanted.Status.Properties {
				published = append(published, *p.Name+"="+*p.Value)
			}
			if diff := cmp.Diff(tc.want, published); diff != "" {
				t.Errorf("%s; -want +got:\n%s", tc.why, diff)
			}
			if got.Changes != tc.changes || got.Skipped != tc.skipped {
				t.Errorf("%s; got changes %t, skipped %q", tc.why, got.Changes, got.Skipped)
			}
			if *got.Wanted.ResourceVersion != "7" {
				t.Error("the apply is not for the profile that was read")
			}
		})
	}
}

// TestLimit: of many properties those are published that come first by name, and identity always is.
func TestLimit(t *testing.T) {
	said := property.Spoke{ID: "id", More: true, Properties: append(many(100), property.Property{Name: "clusterset.k8s.io", Value: "set"})}
	got, err := property.Decide(said, live(nil))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, p := range got.Wanted.Status.Properties {
		names[*p.Name] = true
	}
	if len(names) != property.MaxImported || !names["cluster.clusterset.k8s.io"] || !names["clusterset.k8s.io"] ||
		!names["p061.example.com"] {
		t.Errorf("published are %d: %v", len(names), names)
	}
	const want = "p062.example.com (more than 64), p063.example.com (more than 64), p064.example.com (more than 64), " +
		"p065.example.com (more than 64), p066.example.com (more than 64), and 34 more"
	if got.Skipped != want {
		t.Errorf("reported is %q", got.Skipped)
	}
}

func TestDecideNamesWhatItCannotRead(t *testing.T) {
	broken := live(nil, metav1.ManagedFieldsEntry{Manager: "one", FieldsV1: metav1.NewFieldsV1("{")})
	if _, err := property.Decide(property.Spoke{}, broken); err == nil || !strings.Contains(err.Error(), "one") {
		t.Errorf("got %v", err)
	}
}
