// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
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
	"github.com/capi-inventory/capi-inventory/controllers/consumer"
	"github.com/capi-inventory/capi-inventory/internal/access"
	"github.com/capi-inventory/capi-inventory/internal/credential"
	"github.com/capi-inventory/capi-inventory/internal/observe"
	"github.com/capi-inventory/capi-inventory/internal/probe"
	"github.com/capi-inventory/capi-inventory/internal/version"
)

// rotation is after how long a plugin whose credentials name no expiry is asked again.
const rotation = 10 * time.Minute

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.version {
		fmt.Println(version.String())
		return nil
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&o.logging)))
	observer, err := o.observer()
	if err != nil {
		return err
	}
	hub, err := o.hub()
	if err != nil {
		return err
	}
	if o.once {
		return o.runOnce(ctx, hub, observer)
	}
	return o.runController(ctx, hub, observer)
}

func (o *options) observer() (*observe.Observer, error) {
	providers, err := access.Load(o.providerFile, access.Options{HonorTLSFields: o.honorTLSFields, AllowLocalServers: o.allowLocalServers})
	if err != nil {
		return nil, err
	}
	environment := credential.Inherited()
	if o.kubeconfig != "" {
		environment = append(environment, clientcmd.RecommendedConfigPathEnvVar+"="+o.kubeconfig)
	}
	return &observe.Observer{
		Providers: providers,
		Credentials: &credential.Source{
			Timeout:     o.timeout,
			MaxAge:      rotation,
			Environment: environment,
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

func (o *options) hub() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
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

func (o *options) runController(ctx context.Context, hub *rest.Config, observer *observe.Observer) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(hub, ctrl.Options{
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
	reconciler := &consumer.Reconciler{
		Client:   mgr.GetClient(),
		Live:     mgr.GetAPIReader(),
		Recorder: mgr.GetEventRecorder(o.name),
		Clock:    clock.RealClock{},
		Observer: observer,
		Options:  consumer.Options{Name: o.name, Filter: o.filter, Interval: o.interval, Heartbeat: o.heartbeat, Workers: o.workers},
	}
	if err := reconciler.Setup(mgr, metrics.Registry); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("crds", consumer.Ready(mgr)); err != nil {
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

func (o *options) runOnce(ctx context.Context, hub *rest.Config, observer *observe.Observer) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	reader, err := client.New(hub, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	checks, err := consumer.Once(ctx, reader, observer, o.namespaces, o.filter, o.workers)
	if err != nil {
		return err
	}
	return o.print(os.Stdout, checks)
}
