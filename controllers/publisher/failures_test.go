// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
)

// If the API server does not serve a resource, an object of it is not gone for that reason: no profile is deleted, and a write that
// fails is not a lost race, which would not be reported.
func TestUnservedIsNotGone(t *testing.T) {
	hub := freeHub(t)
	for name, tc := range map[string]struct {
		kind schema.GroupVersionKind
		gone bool
	}{
		"an object that does not exist": {schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, true},
		"a version that is not served":  {schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta9", Kind: "Cluster"}, false},
		"a group that is not served":    {schema.GroupVersionKind{Group: "unserved.example.com", Version: "v1", Kind: "Thing"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			mapper := meta.NewDefaultRESTMapper(nil)
			mapper.Add(tc.kind, meta.RESTScopeNamespace)
			live, err := client.New(hub.Config(), client.Options{Mapper: mapper})
			if err != nil {
				t.Fatal(err)
			}
			object := &unstructured.Unstructured{}
			object.SetGroupVersionKind(tc.kind)
			err = live.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "no-such-object"}, object)
			if got := apierror.IsNotFound(err); got != tc.gone {
				t.Errorf("IsNotFound(%v) is %t", err, got)
			}
			if got := apierror.IsLostRace(err); got != tc.gone {
				t.Errorf("IsLostRace(%v) is %t", err, got)
			}
		})
	}
}
