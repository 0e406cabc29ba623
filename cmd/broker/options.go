// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
)

const usage = `Usage:
  broker [flags]   fulfils AccessGrants: keeps a ServiceAccount with limited rights on each spoke, and its token in a Secret
`

// options are the flags.
type options struct {
	hub.Flags
	publisherClass    string
	timeout           time.Duration
	pollInterval      time.Duration
	allowLocalServers bool
}

// parse reads the command line; its error names each wrong flag and the reason.
func parse(args []string) (*options, error) {
	o := &options{Flags: hub.Flags{
		QPS:                100,
		Burst:              200,
		Concurrency:        20,
		LeaderElect:        true,
		DiagnosticsAddress: ":8443",
		HealthAddress:      ":9440",
	}}
	flags := commandline.NewFlagSet("broker", usage)
	flags.StringVar(&o.publisherClass, "publisher-class", "",
		"Fulfil the grants of Inventories whose spec.publisherClass has this value; of those without one if not set.")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Second, "Deadline of each request to a spoke.")
	flags.DurationVar(&o.pollInterval, "property-poll-interval", 30*time.Second,
		"How often the ClusterProperties of each spoke are read, where an Inventory imports them.")
	flags.BoolVar(&o.allowLocalServers, "allow-local-servers", false,
		"Dial servers on loopback, link-local and metadata addresses too. For tests: with it, a user who may write kubeconfig "+
			"Secrets can make this machine dial itself.")
	o.AddTo(flags, hub.Usage{
		Namespace: "Namespace whose AccessGrants are fulfilled, and into which their Secrets are written; may be repeated or hold " +
			"several, separated by commas. All if not set.",
		Concurrency: "Number of grants that are worked on at once. Those whose spoke did not answer the last time get half of it.",
		LeaderElect: "Let one of several replicas of the same class work.",
	})
	if err := commandline.Parse(flags, args); err != nil {
		return nil, err
	}
	return o, o.validate()
}

func (o *options) validate() error {
	var errs commandline.FlagErrors
	errs.CheckPublisherClass(o.publisherClass)
	if o.timeout < time.Second || o.timeout > time.Minute {
		errs.Add("timeout", "must be from 1s to 1m")
	}
	if o.pollInterval < time.Second || o.pollInterval > time.Hour {
		errs.Add("property-poll-interval", "must be from 1s to 1h")
	}
	o.Validate(&errs)
	return errs.Join()
}

func (o *options) broker(fence *hub.Fence) accessgrant.Options {
	return accessgrant.Options{
		PublisherClass: o.publisherClass,
		Concurrency:    o.Concurrency,
		Spokes: remote.Options{
			Timeout:           o.timeout,
			AllowLocalServers: o.allowLocalServers,
			UserAgent:         accessgrant.FieldManager,
			Wrap:              fence.Spokes,
		},
		PollInterval: o.pollInterval,
		Clock:        clock.RealClock{},
		Metrics:      metrics.Registry,
	}
}

func (o *options) manager(scheme *runtime.Scheme) ctrl.Options {
	lease := accessgrant.FieldManager
	if o.publisherClass != "" {
		lease += "-" + o.publisherClass
	}
	options := o.ManagerOptions(scheme, lease)
	options.Cache = accessgrant.CacheOptions(o.Namespaces)
	options.MapperProvider = accessgrant.NewRESTMapper
	return options
}
