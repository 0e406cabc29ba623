// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/spokecheck"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential/hubconfig"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
	"github.com/capi-inventory/capi-inventory/internal/version"
)

// rotation is after how long at most a plugin whose credentials name no expiry is asked again.
const rotation = 10 * time.Minute

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.version {
		fmt.Println(version.String())
		return nil
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&o.logging)))
	loader := o.loader()
	found, err := hubconfig.Find(loader, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	observer, err := o.observer(found)
	if err != nil {
		return err
	}
	config, err := o.connection(loader)
	if err != nil {
		return err
	}
	if o.once {
		return o.runOnce(ctx, config, observer)
	}
	return o.runController(ctx, config, observer)
}

// observer runs plugins on the hub that this program found.
func (o *options) observer(found *hubconfig.Hub) (*spoke.Checker, error) {
	providers, err := access.Load(o.providerFile, access.Options{
		HonorTLSFields:    o.honorTLSFields,
		AllowLocalServers: o.allowLocalServers,
		References:        access.References{Namespaces: o.referenceNamespaces, Default: found.Namespace},
	})
	if err != nil {
		return nil, err
	}
	// At once, so that a container without a place for temporary files is refused at its start.
	if _, err := found.Environment(); err != nil {
		return nil, err
	}
	reaper, err := credential.NewReaper()
	if err != nil {
		return nil, err
	}
	return &spoke.Checker{
		Providers: providers,
		Credentials: &credential.Source{
			Timeout:     o.timeout,
			MaxAge:      rotation,
			Environment: credential.Inherited(),
			Hub:         found.Environment,
			Reaper:      reaper,
			Clock:       clock.RealClock{},
		},
		Prober: &probe.Prober{
			Timeout:           o.timeout,
			AllowLocalServers: o.allowLocalServers,
			Permissions:       o.permissions,
			UserAgent:         o.name,
		},
	}, nil
}

// loader finds the hub as kubectl does.
func (o *options) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil)
}

func (o *options) connection(loader clientcmd.ClientConfig) (*rest.Config, error) {
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the hub: %w", err)
	}
	config.UserAgent = o.name
	config.QPS, config.Burst = o.qps, o.burst
	return config, nil
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := inventoryv1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return scheme, v1alpha1.AddToScheme(scheme)
}

func (o *options) runController(ctx context.Context, config *rest.Config, observer *spoke.Checker) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         o.cache(),
		Metrics:                       o.metrics(),
		HealthProbeBindAddress:        o.healthProbeBindAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              o.name,
		LeaderElectionNamespace:       o.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	reconciler := &spokecheck.Reconciler{
		Client:   mgr.GetClient(),
		Live:     mgr.GetAPIReader(),
		Recorder: mgr.GetEventRecorder(o.name),
		Clock:    clock.RealClock{},
		Observer: observer,
		Options:  spokecheck.Options{Name: o.name, Filter: o.filter, Interval: o.interval, Heartbeat: o.heartbeat, Workers: o.workers},
	}
	if err := reconciler.Setup(mgr, metrics.Registry); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("crds", spokecheck.Ready(mgr)); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func (o *options) metrics() metricsserver.Options {
	options := metricsserver.Options{BindAddress: o.metricsBindAddress, SecureServing: o.metricsSecure}
	if o.metricsSecure {
		options.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return options
}

// cache keeps what is watched, without the bookkeeping of field managers that makes up half of it.
func (o *options) cache() cache.Options {
	options := cache.Options{DefaultTransform: cache.TransformStripManagedFields()}
	for _, namespace := range o.namespaces {
		if options.DefaultNamespaces == nil {
			options.DefaultNamespaces = map[string]cache.Config{}
		}
		options.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options
}

func (o *options) runOnce(ctx context.Context, config *rest.Config, observer *spoke.Checker) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	reader, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	checks, err := spokecheck.Once(ctx, reader, observer, o.namespaces, o.filter, o.workers)
	if err != nil {
		return err
	}
	return o.print(os.Stdout, checks)
}
