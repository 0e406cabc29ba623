// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"

	"k8s.io/client-go/discovery"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/capi-inventory/capi-inventory/controllers/cluster"
	"github.com/capi-inventory/capi-inventory/controllers/inventory"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
	"github.com/capi-inventory/capi-inventory/internal/publish/target"
)

// The rights of each part are with the part. Metrics are served to clients that are allowed to read them.
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// shared are the parts that both controllers use.
type shared struct {
	inventories *source.Inventories
	index       *state.ProfileIndex
	results     *state.Results
	clusters    *source.Clusters
}

// setup builds the controllers and starts their watches. The APIs must be installed.
func setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	// The deadline of an evaluation is measured on the machine's clock, not on options.Clock: it bounds work that is being done, and a
	// test that steps its clock by minutes would end the evaluation that runs at that moment. Tests of the deadline use WithClock.
	compiler, err := cel.NewCompiler()
	if err != nil {
		return err
	}
	parts := shared{
		inventories: source.NewInventories(mgr.GetClient(), compiler, options.PublisherClass),
		index:       state.NewProfileIndex(options.ClusterManager),
		results:     state.NewResults(ctx.Done()),
	}
	if err := source.IndexGrants(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("indexing AccessGrants: %w", err)
	}
	liveness := source.NewLiveness(mgr.GetAPIReader(), options.Clock, options.StaleAfter)
	if parts.clusters, err = newClusters(ctx, mgr, options, liveness); err != nil {
		return err
	}
	if err := setupClusters(mgr, options, parts); err != nil {
		return fmt.Errorf("setting up the controller of Clusters: %w", err)
	}
	if err := mgr.Add(liveness); err != nil {
		return fmt.Errorf("watching the Leases of Cluster API: %w", err)
	}
	if err := setupInventories(mgr, options, parts); err != nil {
		return fmt.Errorf("setting up the controller of Inventories: %w", err)
	}
	return nil
}

func setupClusters(mgr ctrl.Manager, options Options, parts shared) error {
	profiles, err := target.New(target.Options{
		Client:    mgr.GetClient(),
		APIReader: mgr.GetAPIReader(),
		Clock:     options.Clock,
		Metrics:   options.Metrics,
	})
	if err != nil {
		return err
	}
	latency, err := state.NewLatency(options.Clock, options.Metrics)
	if err != nil {
		return err
	}
	reconciler := cluster.New(cluster.Options{
		ClusterManager: options.ClusterManager,
		Namespaces:     options.Namespaces,
		WatchFilter:    options.WatchFilter,
		Concurrency:    options.Concurrency,
		NewQueue:       options.NewQueue,
		Clock:          options.Clock,
		Client:         mgr.GetClient(),
		APIReader:      mgr.GetAPIReader(),
		Recorder:       mgr.GetEventRecorder("capi-inventory-publisher"),
		Inventories:    parts.inventories,
		Clusters:       parts.clusters,
		Profiles:       profiles,
		Index:          parts.index,
		Results:        parts.results,
		Latency:        latency,
	})
	return reconciler.SetupWithManager(mgr)
}

func newClusters(ctx context.Context, mgr ctrl.Manager, options Options, liveness *source.Liveness) (*source.Clusters, error) {
	discoverer, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("making a discovery client: %w", err)
	}
	versions, err := newVersionCache(mgr, options.Namespaces)
	if err != nil {
		return nil, err
	}
	return source.NewClusters(source.Options{
		Manager:           options.ClusterManager,
		Client:            mgr.GetClient(),
		APIReader:         mgr.GetAPIReader(),
		Cache:             mgr.GetCache(),
		VersionCache:      versions,
		Mapper:            mgr.GetRESTMapper(),
		Clock:             options.Clock,
		Liveness:          liveness,
		ServesSpokeChecks: func() (bool, error) { return hub.Served(discoverer, spokeCheck) },
		Done:              ctx.Done(),
	}), nil
}

// newVersionCache returns a cache beside the manager's, which starts and ends with the manager. A cache has one transformation for a kind,
// and control planes are kept in two ways.
func newVersionCache(mgr ctrl.Manager, namespaces []string) (ctrlcache.Cache, error) {
	of := cache.VersionOptions(namespaces)
	of.HTTPClient, of.Scheme, of.Mapper = mgr.GetHTTPClient(), mgr.GetScheme(), mgr.GetRESTMapper()
	versions, err := hub.NewCache(mgr.GetConfig(), of)
	if err != nil {
		return nil, fmt.Errorf("making the cache of versions: %w", err)
	}
	if err := mgr.Add(versions); err != nil {
		return nil, fmt.Errorf("adding the cache of versions: %w", err)
	}
	return versions, nil
}

func setupInventories(mgr ctrl.Manager, options Options, parts shared) error {
	reconciler, err := inventory.New(inventory.Options{
		ClusterManager: options.ClusterManager,
		PublisherClass: options.PublisherClass,
		Client:         mgr.GetClient(),
		APIReader:      mgr.GetAPIReader(),
		Clock:          options.Clock,
		Metrics:        options.Metrics,
		Inventories:    parts.inventories,
		Index:          parts.index,
		Results:        parts.results,
		Listed:         parts.clusters.Listed,
		OnSynced:       options.OnSynced,
	})
	if err != nil {
		return err
	}
	return reconciler.SetupWithManager(mgr)
}
