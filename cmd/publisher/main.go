// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command publisher publishes the Clusters of a Cluster API management cluster as ClusterProfiles; "publisher withdraw" withdraws
// the profiles before the publisher is uninstalled.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
	"github.com/capi-inventory/capi-inventory/internal/version"
)

// userAgent is the publisher's name in the hub's audit log.
const userAgent = "capi-inventory-publisher"

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "publisher:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "withdraw" {
		return withdraw(ctx, args[1:])
	}
	return publish(ctx, args)
}

// publish publishes until the context ends.
func publish(ctx context.Context, args []string) error {
	options, err := parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if options.Version {
		fmt.Println(version.String())
		return nil
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&options.Logging)))
	config, err := options.RESTConfig(commandline.ClientConfig(options.Kubeconfig), userAgent, options.Fence())
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, options.manager(newScheme(config)))
	if err != nil {
		return fmt.Errorf("making a manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("adding a health check: %w", err)
	}
	if err := refuseRivals(ctx, mgr, options); err != nil {
		return err
	}
	publishing := options.publisher()
	publishing.OnSynced = tuneGC()
	if err := publisher.Add(mgr, publishing); err != nil {
		return err
	}
	go returnMemory(ctx)
	return mgr.Start(ctx)
}

// refuseRivals returns an error if another publisher of the same class runs on the hub, and makes the manager check for one that
// was started at the same moment.
func refuseRivals(ctx context.Context, mgr ctrl.Manager, options *options) error {
	rivals := &publisher.Rivals{Hub: mgr.GetAPIReader(), Clock: clock.RealClock{}}
	rivals.Lease.Name = publisher.LeaseName(options.publisherClass)
	rivals.Lease.Namespace = options.LeaseNamespace()
	if err := rivals.Check(ctx); err != nil {
		return err
	}
	if err := mgr.Add(rivals); err != nil {
		return fmt.Errorf("adding the check for other publishers: %w", err)
	}
	return nil
}

func newScheme(config *rest.Config) *runtime.Scheme {
	return hub.NewSchemeFor(config, clientgoscheme.AddToScheme, clusterv1.AddToScheme)
}
