// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

const usage = `Usage:
  publisher [flags]            publishes the Clusters that Inventories select, until it is stopped
  publisher withdraw [flags]   deletes Inventories, and waits until their profiles and the access to spokes are withdrawn
`

// options are the flags.
type options struct {
	hub.Flags
	clusterManager string
	publisherClass string
	watchFilter    string
	syncPeriod     time.Duration
	staleAfter     time.Duration
}

// parse reads the command line; its error names each wrong flag and the reason.
func parse(args []string) (*options, error) {
	o := &options{Flags: hub.Flags{
		Burst:              200,
		Concurrency:        10,
		LeaderElect:        true,
		DiagnosticsAddress: ":8443",
		HealthAddress:      ":9440",
	}}
	flags := commandline.NewFlagSet("publisher", usage)
	o.addFlags(flags)
	if err := commandline.Parse(flags, args); err != nil {
		return nil, err
	}
	return o, o.validate()
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.clusterManager, "cluster-manager-name", profile.DefaultManager,
		"spec.clusterManager.name of every profile: a label value of at most 63 characters. "+
			"Profiles of another name are foreign, so it cannot be changed later.")
	flags.StringVar(&o.publisherClass, "publisher-class", "",
		"Serve the Inventories whose spec.publisherClass has this value; those without one if not set. "+
			"Publishers that share a hub need a class each.")
	flags.StringVar(&o.watchFilter, "watch-filter", "",
		"Publish only Clusters whose label cluster.x-k8s.io/watch-filter has this value; all if not set. "+
			"Profiles of other Clusters stay as they are.")
	flags.DurationVar(&o.syncPeriod, "sync-period", 10*time.Minute, "Time after which everything is reconciled without an event.")
	flags.DurationVar(&o.staleAfter, "stale-after", 10*time.Minute,
		"Time without a renewed Lease of Cluster API (controller-leader-election-capi, in any namespace) after which the health "+
			"of every Cluster is Unknown; 0 for never.")
	o.AddTo(flags, hub.Usage{
		Namespace: "Namespace whose Clusters are published; may be repeated or hold several, separated by commas. All if not set. " +
			"Profiles of other Clusters stay as they are.",
		Concurrency: "Number of Clusters that are reconciled at once, and so of requests at once.",
		LeaderElect: "Let one of several replicas of the same class publish.",
	})
}

func (o *options) validate() error {
	var errs commandline.FlagErrors
	if o.clusterManager == "" {
		errs.Add("cluster-manager-name", "must be set")
	}
	for _, reason := range validation.IsValidLabelValue(o.clusterManager) {
		errs.Add("cluster-manager-name", "%s", reason)
	}
	errs.CheckPublisherClass(o.publisherClass)
	for _, reason := range validation.IsValidLabelValue(o.watchFilter) {
		errs.Add("watch-filter", "%s", reason)
	}
	if o.syncPeriod < time.Minute {
		errs.Add("sync-period", "must be at least 1m")
	}
	if o.staleAfter != 0 && o.staleAfter < time.Minute {
		errs.Add("stale-after", "must be 0 or at least 1m")
	}
	o.Validate(&errs)
	return errs.Join()
}

func (o *options) publisher() publisher.Options {
	return publisher.Options{
		ClusterManager: o.clusterManager,
		PublisherClass: o.publisherClass,
		WatchFilter:    o.watchFilter,
		Namespaces:     o.Namespaces,
		Concurrency:    o.Concurrency,
		StaleAfter:     o.staleAfter,
		Clock:          clock.RealClock{},
		Metrics:        metrics.Registry,
	}
}

func (o *options) manager(scheme *runtime.Scheme) ctrl.Options {
	options := o.ManagerOptions(scheme, publisher.LeaseName(o.publisherClass))
	options.Cache = publisher.CacheOptions(o.Namespaces, o.syncPeriod)
	options.MapperProvider = publisher.NewRESTMapper
	return options
}
