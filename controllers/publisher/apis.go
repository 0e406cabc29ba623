// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub"
)

// required are the APIs without which there is nothing to publish, or nowhere to publish it.
var required = []hub.API{
	{CRD: "clusters.cluster.x-k8s.io", Kind: clusterv1.GroupVersion.WithKind("Cluster"), Scope: meta.RESTScopeNamespace},
	hub.ClusterProfiles,
	{
		CRD:   "accessgrants.capi-inventory.dev",
		Kind:  v1alpha1.SchemeGroupVersion.WithKind("AccessGrant"),
		Scope: meta.RESTScopeNamespace,
	},
	{CRD: "inventories.capi-inventory.dev", Kind: v1alpha1.SchemeGroupVersion.WithKind("Inventory"), Scope: meta.RESTScopeRoot},
}

// spokeCheck is the API of what a consumer reports. It is needed only while an Inventory trusts SpokeChecks.
var spokeCheck = hub.API{
	CRD:   "spokechecks.capi-inventory.dev",
	Kind:  v1alpha1.SchemeGroupVersion.WithKind("SpokeCheck"),
	Scope: meta.RESTScopeNamespace,
}

// NewRESTMapper is a cluster.Options.MapperProvider that works before the APIs are installed.
func NewRESTMapper(config *rest.Config, httpClient *http.Client) (meta.RESTMapper, error) {
	return hub.NewRESTMapper(append(slices.Clone(required), spokeCheck), config, httpClient)
}

// Add adds the publisher to a manager. It starts as soon as the APIs that it needs are installed; until then the manager is not ready.
func Add(mgr ctrl.Manager, options Options) error {
	if options.Metrics == nil {
		options.Metrics = prometheus.NewRegistry()
	}
	gate := &hub.Gate{
		Required: required,
		Setup:    func(ctx context.Context) error { return setup(ctx, mgr, options) },
		Clock:    options.Clock,
		Metrics:  options.Metrics,
	}
	return gate.AddTo(mgr)
}
