// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"flag"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
)

// Flags are the flags that all controllers share. Their names are those of Cluster API's own controllers.
type Flags struct {
	Kubeconfig string
	// QPS and Burst limit the requests to the hub; a QPS of zero sets no limit.
	QPS   float32
	Burst int
	// Namespaces are the ones to watch; all if empty.
	Namespaces  []string
	Concurrency int

	LeaderElect             bool
	LeaderElectionNamespace string

	DiagnosticsAddress  string
	InsecureDiagnostics bool
	HealthAddress       string

	Version bool
	Logging zap.Options
}

// Usage is the help for the shared flags whose meaning depends on the controller.
type Usage struct {
	Namespace   string
	Concurrency string
	LeaderElect string
}

// AddTo adds the flags to a set. The defaults are what the fields contain.
func (f *Flags) AddTo(flags *pflag.FlagSet, usage Usage) {
	commandline.AddKubeconfig(flags, &f.Kubeconfig)
	flags.Float32Var(&f.QPS, "kube-api-qps", f.QPS, "Average number of requests per second to the hub's API server; 0 for no limit.")
	flags.IntVar(&f.Burst, "kube-api-burst", f.Burst, "Number of requests to the hub's API server that may exceed the average at once.")
	flags.StringSliceVarP(&f.Namespaces, "namespace", "n", f.Namespaces, usage.Namespace)
	flags.IntVar(&f.Concurrency, "concurrency", f.Concurrency, usage.Concurrency)
	flags.BoolVar(&f.LeaderElect, "leader-elect", f.LeaderElect, usage.LeaderElect)
	flags.StringVar(&f.LeaderElectionNamespace, "leader-election-namespace", f.LeaderElectionNamespace,
		"Namespace of the leader's Lease; the pod's own if not set.")
	flags.StringVar(&f.DiagnosticsAddress, "diagnostics-address", f.DiagnosticsAddress,
		"Address to serve metrics at, over TLS and to clients that the hub allows to get /metrics; 0 for none.")
	flags.BoolVar(&f.InsecureDiagnostics, "insecure-diagnostics", f.InsecureDiagnostics,
		"Serve metrics over plain HTTP and to any client.")
	flags.StringVar(&f.HealthAddress, "health-addr", f.HealthAddress, "Address to serve /healthz and /readyz at; 0 for none.")
	flags.BoolVar(&f.Version, "version", false, "Print the version and exit.")
	logging := flag.NewFlagSet("", flag.ContinueOnError)
	f.Logging.BindFlags(logging)
	flags.AddGoFlagSet(logging)
}

// Validate appends what is wrong with the flags.
func (f *Flags) Validate(errs *commandline.FlagErrors) {
	errs.CheckNamespaces("namespace", f.Namespaces)
	errs.CheckPositive("concurrency", int64(f.Concurrency))
	if f.QPS < 0 {
		errs.Add("kube-api-qps", "must not be negative")
	}
	errs.CheckPositive("kube-api-burst", int64(f.Burst))
}

// RESTConfig returns the configuration of a client of the hub, limited as the flags say. A warning of the API server is logged once: that
// a version is deprecated comes with the answer to each request. All clients that are made of it are behind the fence.
func (f *Flags) RESTConfig(loader clientcmd.ClientConfig, userAgent string, fence *Fence) (*rest.Config, error) {
	config, err := commandline.RESTConfig(loader, userAgent)
	if err != nil {
		return nil, err
	}
	if f.QPS > 0 {
		config.QPS, config.Burst = f.QPS, f.Burst
	}
	config.WarningHandlerWithContext = log.NewKubeAPIWarningLogger(log.KubeAPIWarningLoggerOptions{Deduplicate: true})
	config.Wrap(fence.Hub)
	return config, nil
}

// Fence returns a new Fence for the clients of this program; nil if it needs no Lease.
func (f *Flags) Fence() *Fence {
	if !f.LeaderElect {
		return nil
	}
	return NewFence(clock.RealClock{})
}

// LeaseNamespace returns the namespace of the leader's Lease; empty if there is no Lease.
func (f *Flags) LeaseNamespace() string {
	switch {
	case !f.LeaderElect:
		return ""
	case f.LeaderElectionNamespace != "":
		return f.LeaderElectionNamespace
	}
	return commandline.PodNamespace()
}

// ManagerOptions returns the options of a manager whose leader holds the named Lease.
func (f *Flags) ManagerOptions(scheme *runtime.Scheme, lease string) ctrl.Options {
	metrics := metricsserver.Options{BindAddress: f.DiagnosticsAddress, SecureServing: !f.InsecureDiagnostics}
	if !f.InsecureDiagnostics {
		metrics.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       metrics,
		HealthProbeBindAddress:        f.HealthAddress,
		LeaderElection:                f.LeaderElect,
		LeaderElectionID:              lease,
		LeaderElectionNamespace:       f.LeaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 ptr.To(leaseDuration),
		RenewDeadline:                 ptr.To(renewDeadline),
		Controller:                    ctrlconfig.Controller{CacheSyncTimeout: firstListsTimeout},
		NewCache:                      NewCache,
	}
}
