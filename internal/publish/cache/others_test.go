// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// Of other objects the cache keeps what is read of them.
func TestOthersAreTrimmed(t *testing.T) {
	deleted := fixture.Since
	metadata := metav1.ObjectMeta{
		Name: "team-a", UID: "uid", ResourceVersion: "1", Labels: map[string]string{"env": "prod"}, DeletionTimestamp: &deleted,
	}
	full := *metadata.DeepCopy()
	full.Annotations = map[string]string{"example.com/quota": "large"}
	full.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{}}`)}}
	for name, tc := range map[string]struct {
		why          string
		object, want any
	}{
		"Namespace": {
			why:    "Inventories select by its labels, and it may be deleted",
			object: &metav1.PartialObjectMetadata{ObjectMeta: full},
			want:   &metav1.PartialObjectMetadata{ObjectMeta: metadata},
		},
		"ControlPlane": {
			why: "expressions read it, but for what is large or secret",
			object: &unstructured.Unstructured{Object: map[string]any{
				"metadata": map[string]any{
					"annotations":   map[string]any{"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
					"managedFields": []any{map[string]any{"manager": "kubectl"}},
				},
				"spec":   map[string]any{"replicas": int64(3), "kubeadmConfigSpec": map[string]any{"files": []any{}}},
				"status": map[string]any{"version": "v1.36.3", "conditions": []any{}, "deprecated": map[string]any{}},
			}},
			want: &unstructured.Unstructured{Object: map[string]any{
				"metadata": map[string]any{"annotations": map[string]any{"a": "b"}},
				"spec":     map[string]any{"replicas": int64(3)},
				"status":   map[string]any{"version": "v1.36.3"},
			}},
		},
		"Other": {why: "it is none of these", object: "a tombstone", want: "a tombstone"},
	} {
		t.Run(name, func(t *testing.T) {
			transform := cache.Options(nil, time.Hour).DefaultTransform
			got, err := transform(tc.object)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// Of a control plane of which only the version is read, nothing else is kept, and nothing that holds the rest.
func TestVersionsAreKept(t *testing.T) {
	full := func(status map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "controlplane.cluster.x-k8s.io/v1beta2",
			"kind":       "KubeadmControlPlane",
			"metadata": map[string]any{
				"namespace": "team-a", "name": "c1", "uid": "u", "resourceVersion": "7", "labels": map[string]any{"a": "b"},
			},
			"spec":   map[string]any{"replicas": int64(3), "version": "v1.37.0"},
			"status": status,
		}}
	}
	want := func() *unstructured.Unstructured {
		kept := full(nil)
		delete(kept.Object, "spec")
		delete(kept.Object, "status")
		kept.SetLabels(nil)
		return kept
	}
	versions := []any{map[string]any{"version": "v1.36.3", "replicas": int64(1)}}
	both := want()
	both.Object["status"] = map[string]any{"version": "v1.36.3", "versions": versions}
	for name, tc := range map[string]struct {
		why          string
		object, want any
	}{
		"Both": {
			why:    "either may be reported",
			object: full(map[string]any{"version": "v1.36.3", "versions": versions, "replicas": int64(3), "conditions": []any{}}),
			want:   both,
		},
		"None":  {why: "none is reported yet", object: full(map[string]any{"replicas": int64(0)}), want: want()},
		"Other": {why: "it is not a control plane", object: "a tombstone", want: "a tombstone"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := cache.VersionOptions(nil).DefaultTransform(tc.object)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}
