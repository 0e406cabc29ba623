// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// TestRESTMapper: a program starts while the API server does not answer, and with it its readiness, which says so.
func TestRESTMapper(t *testing.T) {
	mapper, err := NewRESTMapper([]API{ClusterProfiles}, &rest.Config{Host: "https://127.0.0.1:1"}, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	for kind, scope := range map[schema.GroupVersionKind]meta.RESTScope{
		ClusterProfiles.Kind: meta.RESTScopeNamespace,
		{Group: ClusterProfiles.Kind.Group, Version: "v1alpha2", Kind: "ClusterProfile"}: meta.RESTScopeNamespace,
		corev1.SchemeGroupVersion.WithKind("Secret"):                                     meta.RESTScopeNamespace,
		corev1.SchemeGroupVersion.WithKind("Namespace"):                                  meta.RESTScopeRoot,
	} {
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil || mapping.Scope != scope {
			t.Errorf("%s: %+v, %v", kind, mapping, err)
		}
	}
	if _, err := mapper.RESTMapping(schema.GroupKind{Kind: "Pod"}, "v1"); err == nil {
		t.Error("a kind that is not known is not asked for")
	}
}
