// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/broker/property"
	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// maxID is how many bytes a UID may have.
const maxID = 64

// identifyingNamespace is the namespace whose UID identifies a cluster (KEP-2149).
const identifyingNamespace = "kube-system"

// aboutVersions are those of the API in which a cluster says what it is (KEP-2149), the one to prefer first.
var aboutVersions = []string{"v1beta1", "v1alpha1"}

func aboutKind(version string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "about.k8s.io", Version: version, Kind: "ClusterProperty"}
}

// Describe returns what the spoke says of itself. A spoke without the API of ClusterProperties has none.
func (s *Spoke) Describe(ctx context.Context) (property.Spoke, error) {
	namespace := &corev1.Namespace{}
	err := s.client.Get(ctx, client.ObjectKey{Name: identifyingNamespace}, namespace)
	if client.IgnoreNotFound(err) != nil {
		return property.Spoke{}, s.failed("reading the UID of the namespace "+identifyingNamespace, err)
	}
	said := property.Spoke{ID: printable.Line(string(namespace.UID), maxID)}
	for _, version := range aboutVersions {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(aboutKind(version))
		switch err := s.client.List(ctx, list, client.Limit(property.MaxRead)); {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return property.Spoke{}, s.failed("listing ClusterProperties", err)
		}
		for i := range list.Items {
			value, _, _ := unstructured.NestedString(list.Items[i].Object, "spec", "value")
			said.Properties = append(said.Properties, property.Property{Name: list.Items[i].GetName(), Value: value})
		}
		said.More = list.GetContinue() != ""
		break
	}
	return said, nil
}
