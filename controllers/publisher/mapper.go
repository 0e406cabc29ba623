// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// NewRESTMapper knows the kinds that the publisher is built for, and asks the API server for all others. A manager that had
// to ask for these too could not be made before their CustomResourceDefinitions are installed.
func NewRESTMapper(config *rest.Config, httpClient *http.Client) (meta.RESTMapper, error) {
	dynamic, err := apiutil.NewDynamicRESTMapper(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("making a REST mapper: %w", err)
	}
	var versions []schema.GroupVersion
	for _, api := range required {
		versions = append(versions, api.kind.GroupVersion())
	}
	known := meta.NewDefaultRESTMapper(versions)
	for _, api := range required {
		known.Add(api.kind, api.scope)
	}
	return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{known, dynamic}}, nil
}
