// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// API is a kind that a CustomResourceDefinition provides.
type API struct {
	// CRD is the name of the CustomResourceDefinition.
	CRD string
	// Kind is of the preferred version.
	Kind  schema.GroupVersionKind
	Scope meta.RESTScope
	// Versions are the others that can be used, in order of preference.
	Versions []string
}

// KnownVersions returns the versions that can be used, the preferred one first.
func (a API) KnownVersions() []string { return append([]string{a.Kind.Version}, a.Versions...) }

// kinds returns the API's kind in each version that can be used, the preferred one first.
func (a API) kinds() []schema.GroupVersionKind {
	versions := a.KnownVersions()
	kinds := make([]schema.GroupVersionKind, 0, len(versions))
	for _, version := range versions {
		kinds = append(kinds, a.Kind.GroupKind().WithVersion(version))
	}
	return kinds
}
