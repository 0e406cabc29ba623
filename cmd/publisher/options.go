// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/controllers/publisher"
)

// maxClass is how long spec.publisherClass of an Inventory may be.
const maxClass = 40

const usage = `Usage:
  publisher [flags]            publishes Clusters as Inventories say, as long as it runs
  publisher withdraw [flags]   deletes Inventories, and waits until the running publisher has withdrawn their profiles

Flags:
`

// options are the flags. Their names are those of Cluster API's own controllers wherever these have the like.
type options struct {
	kubeconfig          string
	clusterManager      string
	publisherClass      string
	watchFilter         string
	namespaces          []string
	concurrency         int
	syncPeriod          time.Duration
	staleAfter          time.Duration
	qps                 float32
	burst               int
	leaderElect         bool
	leaderElectionSpace string
	diagnosticsAddress  string
	insecureDiagnostics bool
	healthAddress       string
	logging             zap.Options
	version             bool
}

// parse reads the command line; its error names the flag that cannot work and the reason.
func parse(args []string) (*options, error) {
	o := &options{}
	flags := pflag.NewFlagSet("publisher", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage+flags.FlagUsagesWrapped(120)) }
	flags.StringVar(&o.clusterManager, "cluster-manager-name", "cluster-api", "spec.clusterManager.name of every profile: a label value of at most 63 characters. Profiles of another name are foreign, so it cannot be changed later.")
	flags.StringVar(&o.publisherClass, "publisher-class", "", "Serve the Inventories whose spec.publisherClass has this value; those without one by default. Publishers that share a hub need a class each.")
	flags.StringVar(&o.watchFilter, "watch-filter", "", "Publish only Clusters whose label cluster.x-k8s.io/watch-filter has this value. What is published of others stays as it is.")
	flags.StringSliceVar(&o.namespaces, "namespace", nil, "Publish only Clusters of these namespaces; all by default. What is published of others stays as it is.")
	flags.IntVar(&o.concurrency, "concurrency", 10, "How many Clusters are reconciled at a time.")
	flags.DurationVar(&o.syncPeriod, "sync-period", 10*time.Minute, "How often everything is looked at again without an event.")
	flags.DurationVar(&o.staleAfter, "stale-after", 10*time.Minute, "After how long without a renewed Lease of Cluster API (controller-leader-election-capi, in any namespace) the health of every Cluster is Unknown. 0 never looks.")
	flags.Float32Var(&o.qps, "kube-api-qps", 0, "Requests to the hub's API server, per second on average. 0 sets no limit: there are never more than --concurrency at once, and the API server's own priority and fairness rules over them.")
	flags.IntVar(&o.burst, "kube-api-burst", 200, "Requests to the hub's API server that may exceed the average at once.")
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "Publish only while holding the lead among replicas.")
	flags.StringVar(&o.leaderElectionSpace, "leader-election-namespace", "", "Where the Lease of the leader lives; by default the pod's namespace.")
	flags.StringVar(&o.diagnosticsAddress, "diagnostics-address", ":8443", "Where metrics are served; 0 serves none.")
	flags.BoolVar(&o.insecureDiagnostics, "insecure-diagnostics", false, "Serve metrics over plain HTTP and to everybody.")
	flags.StringVar(&o.healthAddress, "health-addr", ":9440", "Where /healthz and /readyz are served; 0 serves none.")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "The hub's kubeconfig; by default $KUBECONFIG, or the pod's ServiceAccount.")
	flags.BoolVar(&o.version, "version", false, "Print the version and exit.")
	logging := flag.NewFlagSet("", flag.ContinueOnError)
	o.logging.BindFlags(logging)
	flags.AddGoFlagSet(logging)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return o, o.validate(flags.Args())
}

func (o *options) validate(rest []string) error {
	var faults []error
	refuse := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if len(rest) > 0 {
		refuse("unexpected argument %q", rest[0])
	}
	if o.clusterManager == "" {
		refuse("--cluster-manager-name: must not be empty")
	}
	for _, fault := range validation.IsValidLabelValue(o.clusterManager) {
		refuse("--cluster-manager-name: %s", fault)
	}
	if o.publisherClass != "" {
		for _, fault := range validation.IsDNS1123Label(o.publisherClass) {
			refuse("--publisher-class: %s", fault)
		}
	}
	if len(o.publisherClass) > maxClass {
		refuse("--publisher-class: must be no more than %d characters", maxClass)
	}
	for _, fault := range validation.IsValidLabelValue(o.watchFilter) {
		refuse("--watch-filter: %s", fault)
	}
	for _, namespace := range o.namespaces {
		for _, fault := range validation.IsDNS1123Label(namespace) {
			refuse("--namespace: %q: %s", namespace, fault)
		}
	}
	if o.concurrency < 1 {
		refuse("--concurrency: must be at least 1")
	}
	if o.syncPeriod < time.Minute {
		refuse("--sync-period: must be at least 1m")
	}
	if o.staleAfter != 0 && o.staleAfter < time.Minute {
		refuse("--stale-after: must be 0 or at least 1m")
	}
	if o.qps < 0 || o.burst < 1 {
		refuse("--kube-api-qps: must not be negative; --kube-api-burst: must be positive")
	}
	return errors.Join(faults...)
}

func (o *options) publisher() publisher.Options {
	return publisher.Options{
		ClusterManager: o.clusterManager,
		PublisherClass: o.publisherClass,
		WatchFilter:    o.watchFilter,
		Namespaces:     o.namespaces,
		Concurrency:    o.concurrency,
		StaleAfter:     o.staleAfter,
		Clock:          clock.RealClock{},
		Metrics:        metrics.Registry,
	}
}

// podNamespace is where a pod finds its own namespace.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// leaseNamespace is where the Lease of the leader lives; empty where that cannot be told, and there will be no Lease either.
func (o *options) leaseNamespace() string {
	if o.leaderElectionSpace != "" {
		return o.leaderElectionSpace
	}
	own, err := os.ReadFile(podNamespace)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(own))
}

func (o *options) manager(scheme *runtime.Scheme) ctrl.Options {
	metrics := metricsserver.Options{BindAddress: o.diagnosticsAddress, SecureServing: !o.insecureDiagnostics}
	if !o.insecureDiagnostics {
		metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return ctrl.Options{
		Scheme:                        scheme,
		Cache:                         publisher.CacheOptions(o.namespaces, o.syncPeriod),
		MapperProvider:                publisher.NewRESTMapper,
		Metrics:                       metrics,
		HealthProbeBindAddress:        o.healthAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              publisher.LeaseName(o.publisherClass),
		LeaderElectionNamespace:       o.leaderElectionSpace,
		LeaderElectionReleaseOnCancel: true,
	}
}
