// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command publisher publishes the Clusters of a Cluster API management cluster as ClusterProfiles; "publisher withdraw" takes
// back what is published, before the publisher is uninstalled.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/internal/version"
)

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
	if options.version {
		fmt.Println(version.String())
		return nil
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&options.logging)))
	config, err := connection(options.kubeconfig)
	if err != nil {
		return err
	}
	if config.QPS, config.Burst = options.qps, options.burst; config.QPS == 0 {
		// To client-go, zero is its own default, and a negative number no limit.
		config.QPS = -1
	}
	mgr, err := ctrl.NewManager(config, options.manager(newScheme()))
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
	publishing.Settled = saveMemory()
	if err := publisher.Add(mgr, publishing); err != nil {
		return err
	}
	go giveMemoryBack(ctx)
	return mgr.Start(ctx)
}

// refuseRivals returns an error where another publisher of the same class runs on the hub, and has the manager look for one
// that was started at the same moment.
func refuseRivals(ctx context.Context, mgr ctrl.Manager, options *options) error {
	rivals := &publisher.Rivals{Hub: mgr.GetAPIReader(), Clock: clock.RealClock{}}
	rivals.Lease.Name = publisher.LeaseName(options.publisherClass)
	if options.leaderElect {
		rivals.Lease.Namespace = options.leaseNamespace()
	}
	if err := rivals.Check(ctx); err != nil {
		return err
	}
	if err := mgr.Add(rivals); err != nil {
		return fmt.Errorf("looking for other publishers: %w", err)
	}
	return nil
}

// connection finds the hub: by a kubeconfig's path, else as kubectl does, else as a pod.
func connection(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("connecting to the hub: %w", err)
	}
	return config, nil
}

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, clusterv1.AddToScheme, inventoryv1alpha1.AddToScheme, v1alpha1.AddToScheme} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}
