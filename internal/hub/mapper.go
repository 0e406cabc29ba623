// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"fmt"
	"net/http"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// builtin are the kinds of Kubernetes itself that our programs cache.
var builtin = []API{
	{Kind: corev1.SchemeGroupVersion.WithKind("Namespace"), Scope: meta.RESTScopeRoot},
	{Kind: corev1.SchemeGroupVersion.WithKind("Secret"), Scope: meta.RESTScopeNamespace},
}

// NewRESTMapper returns a mapper that knows some kinds by itself, and those that are built in, and asks the API server for all others. A
// manager that had to ask for the kinds that it caches could not be made before their CustomResourceDefinitions are installed, nor while
// discovery fails.
func NewRESTMapper(known []API, config *rest.Config, httpClient *http.Client) (meta.RESTMapper, error) {
	dynamic, err := apiutil.NewDynamicRESTMapper(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a REST mapper: %w", err)
	}
	known = slices.Concat(known, builtin)
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
