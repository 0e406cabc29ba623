// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command broker fulfils the AccessGrants of a hub: it keeps a ServiceAccount with limited rights on each spoke, renews its token, and
// writes it as a kubeconfig into a Secret beside the grant. It reads the administrator's kubeconfigs, so it is a program of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
	"github.com/capi-inventory/capi-inventory/internal/version"
)

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
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
	fence := options.Fence()
	config, err := options.RESTConfig(commandline.ClientConfig(options.Kubeconfig), accessgrant.FieldManager, fence)
	if err != nil {
		return err
	}
	scheme := hub.NewSchemeFor(config, clientgoscheme.AddToScheme, clusterv1.AddToScheme)
	mgr, err := ctrl.NewManager(config, options.manager(scheme))
	if err != nil {
		return fmt.Errorf("making a manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("adding a health check: %w", err)
	}
	if err := accessgrant.Add(mgr, options.broker(fence)); err != nil {
		return err
	}
	return mgr.Start(ctx)
}
