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
	"github.com/capi-inventory/capi-inventory/internal/publish/uninstall"
)

// withdrawOptions are the flags of "publisher withdraw". What they share with the publisher's own has the same name.
type withdrawOptions struct {
	kubeconfig          string
	selector            string
	timeout             time.Duration
	leaderElectionSpace string
	publisherClass      string
}

func parseWithdraw(args []string) (*withdrawOptions, labels.Selector, error) {
	o := &withdrawOptions{}
	flags := pflag.NewFlagSet("publisher withdraw", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVarP(&o.selector, "selector", "l", "", "Delete only the Inventories with these labels; all by default, as without a publisher nobody serves any.")
	flags.DurationVar(&o.timeout, "timeout", 2*time.Minute, "How long the publisher, and consumers with finalizers, are given.")
	flags.StringVar(&o.leaderElectionSpace, "leader-election-namespace", "", "Where the Lease of the leader lives: nothing is deleted before a publisher holds it. By default nobody asks whether one runs.")
	flags.StringVar(&o.publisherClass, "publisher-class", "", "Delete only the Inventories that the publisher of this class serves; by default those without a class.")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "The hub's kubeconfig; by default $KUBECONFIG, or the pod's ServiceAccount.")
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	if rest := flags.Args(); len(rest) > 0 {
		return nil, nil, fmt.Errorf("unexpected argument %q", rest[0])
	}
	selector, err := labels.Parse(o.selector)
	if err != nil {
		err = fmt.Errorf("--selector: %w", err)
	}
	if o.timeout <= 0 {
		err = errors.Join(err, errors.New("--timeout: must be positive"))
	}
	return o, selector, err
}

// withdraw takes back what is published, while a publisher runs elsewhere.
func withdraw(ctx context.Context, args []string) error {
	options, selector, err := parseWithdraw(args)
	if errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	// What there is to say is said line by line; the libraries' own log would come between.
	ctrl.SetLogger(logr.Discard())
	config, err := connection(options.kubeconfig)
	if err != nil {
		return err
	}
	// It asks once in a while. A limit of client-go's own would only hide, in the end, what the hub says.
	config.QPS = -1
	hub, err := client.New(config, client.Options{Scheme: newScheme()})
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	w := uninstall.Uninstaller{Hub: hub, Selector: selector, PublisherClass: options.publisherClass, Progress: os.Stdout}
	if options.leaderElectionSpace != "" {
		w.Lease = types.NamespacedName{Namespace: options.leaderElectionSpace, Name: publisher.LeaseName(options.publisherClass)}
	}
	ctx, cancel := context.WithTimeout(ctx, options.timeout)
	defer cancel()
	return w.Run(ctx)
}
