// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
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

// NewRESTMapper returns a mapper that knows some kinds by itself and asks the API server for all others. A manager that had to ask for
// the kinds that it caches could not be made before their CustomResourceDefinitions are installed.
func NewRESTMapper(known []API, config *rest.Config, httpClient *http.Client) (meta.RESTMapper, error) {
	dynamic, err := apiutil.NewDynamicRESTMapper(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a REST mapper: %w", err)
	}
	var versions []schema.GroupVersion
	for _, api := range known {
		for _, kind := range api.kinds() {
			versions = append(versions, kind.GroupVersion())
		}
	}
	static := meta.NewDefaultRESTMapper(versions)
	for _, api := range known {
		for _, kind := range api.kinds() {
			static.Add(kind, api.Scope)
		}
	}
	return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{static, dynamic}}, nil
}
