// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
	"github.com/capi-inventory/capi-inventory/internal/publish/uninstall"
)

const withdrawUsage = `Usage:
  publisher withdraw [flags]   deletes Inventories, and waits until their profiles and the access to spokes are withdrawn
`

// withdrawOptions are the flags of "publisher withdraw". Those that the publisher has too have the same names.
type withdrawOptions struct {
	kubeconfig     string
	selector       string
	timeout        time.Duration
	leaseNamespace string
	publisherClass string
}

func parseWithdraw(args []string) (*withdrawOptions, labels.Selector, error) {
	o := &withdrawOptions{}
	flags := commandline.NewFlagSet("publisher withdraw", withdrawUsage)
	flags.StringVarP(&o.selector, "selector", "l", "",
		"Label selector for the Inventories to delete. All if not set, because without a publisher no Inventory is served.")
	flags.DurationVar(
		&o.timeout,
		"timeout",
		2*time.Minute,
		"Time to wait for the publisher, for the broker, and for consumers with finalizers.",
	)
	flags.StringVar(&o.leaseNamespace, "leader-election-namespace", "",
		"Namespace of the leader's Lease: nothing is deleted before a publisher holds it. Not checked if not set.")
	flags.StringVar(&o.publisherClass, "publisher-class", "",
		"Delete only the Inventories that the publisher of this class serves; those without a class if not set.")
	commandline.AddKubeconfig(flags, &o.kubeconfig)
	if err := commandline.Parse(flags, args); err != nil {
		return nil, nil, err
	}
	var errs commandline.FlagErrors
	selector, err := labels.Parse(o.selector)
	if err != nil {
		errs.Add("selector", "%s", err)
	}
	errs.CheckPositive("timeout", int64(o.timeout))
	errs.CheckPublisherClass(o.publisherClass)
	return o, selector, errs.Join()
}

// withdraw has a publisher that runs elsewhere withdraw its profiles.
func withdraw(ctx context.Context, args []string) error {
	options, selector, err := parseWithdraw(args)
	if errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	// The progress is printed line by line; log entries of the libraries would come between.
	ctrl.SetLogger(logr.Discard())
	config, err := commandline.RESTConfig(commandline.ClientConfig(options.kubeconfig), userAgent)
	if err != nil {
		return err
	}
	k8s, err := client.New(config, client.Options{Scheme: newScheme(config)})
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	w := uninstall.Uninstaller{Hub: k8s, Selector: selector, PublisherClass: options.publisherClass, Progress: os.Stdout}
	if options.leaseNamespace != "" {
		w.Lease = types.NamespacedName{Namespace: options.leaseNamespace, Name: publisher.LeaseName(options.publisherClass)}
	}
	ctx, cancel := context.WithTimeout(ctx, options.timeout)
	defer cancel()
	return w.Run(ctx)
}
