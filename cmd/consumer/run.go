// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/capi-inventory/capi-inventory/controllers/spokecheck"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential/hubconfig"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
	"github.com/capi-inventory/capi-inventory/internal/version"
)

// maxCredentialAge is the time after which credentials without an expiry are fetched again.
const maxCredentialAge = 10 * time.Minute

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.Version {
		fmt.Println(version.String())
		return nil
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&o.Logging)))
	loader := commandline.ClientConfig(o.Kubeconfig)
	found, err := hubconfig.Find(loader, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	checker, err := o.checker(found)
	if err != nil {
		return err
	}
	config, err := o.RESTConfig(loader, o.name, o.Fence())
	if err != nil {
		return err
	}
	if o.once {
		return o.runOnce(ctx, config, checker)
	}
	return o.runController(ctx, config, checker)
}

// checker returns a checker whose plugins find the same hub as this program.
func (o *options) checker(found *hubconfig.Hub) (*spoke.Checker, error) {
	providers, err := access.Load(o.providerFile, access.Options{
		HonorTLSFields:    o.honorTLSFields,
		AllowLocalServers: o.allowLocalServers,
		References:        access.References{Namespaces: o.referenceNamespaces, Default: found.Namespace},
	})
	if err != nil {
		return nil, err
	}
	// Now, so that a container without a directory for temporary files fails when it starts.
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
			MaxAge:      maxCredentialAge,
			MemoryLimit: o.memoryLimit.Value(),
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

func (o *options) runController(ctx context.Context, config *rest.Config, checker *spoke.Checker) error {
	options := o.ManagerOptions(hub.NewSchemeFor(config), o.name)
	options.Cache = o.cache()
	options.MapperProvider = spokecheck.NewRESTMapper
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		return fmt.Errorf("making a manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("adding a health check: %w", err)
	}
	reconciler := &spokecheck.Reconciler{
		Client:   mgr.GetClient(),
		Live:     mgr.GetAPIReader(),
		Recorder: mgr.GetEventRecorder(o.name),
		Clock:    clock.RealClock{},
		Checker:  checker,
		Options: spokecheck.Options{
			Name:        o.name,
			Filter:      o.filter,
			Interval:    o.interval,
			Heartbeat:   o.heartbeat,
			Concurrency: o.Concurrency,
		},
	}
	if err := reconciler.Add(mgr, metrics.Registry); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// cache returns the options of a cache of the watched namespaces, without managed fields, which are half of each object.
func (o *options) cache() cache.Options {
	options := cache.Options{DefaultTransform: cache.TransformStripManagedFields()}
	for _, namespace := range o.Namespaces {
		if options.DefaultNamespaces == nil {
			options.DefaultNamespaces = map[string]cache.Config{}
		}
		options.DefaultNamespaces[namespace] = cache.Config{}
	}
	return options
}

func (o *options) runOnce(ctx context.Context, config *rest.Config, checker *spoke.Checker) error {
	reader, err := client.New(config, client.Options{Scheme: hub.NewSchemeFor(config)})
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	profiles, err := o.filter.List(ctx, reader, o.Namespaces)
	if err != nil {
		return err
	}
	reports, err := spoke.CheckAll(ctx, checker, profiles, spoke.Options{Concurrency: o.Concurrency})
	if err != nil {
		return err
	}
	return o.print(os.Stdout, spoke.SpokeChecks(reports))
}
