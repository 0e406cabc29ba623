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
	"k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/capi-inventory/capi-inventory/controllers/spokecheck"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// options are the command line. What is parsed from a flag stands beside it, filled in by validate.
type options struct {
	kubeconfig   string
	providerFile string
	name         string
	qps          float32
	burst        int

	namespaces     []string
	clusterManager string
	selector       string

	interval  time.Duration
	heartbeat time.Duration
	timeout   time.Duration
	workers   int

	allowLocalServers  bool
	honorTLSFields     bool
	requirePermissions []string
	// referenceNamespaces are those from which references of any profile are followed.
	referenceNamespaces []string

	metricsBindAddress      string
	metricsSecure           bool
	healthProbeBindAddress  string
	leaderElect             bool
	leaderElectionNamespace string

	once   bool
	output string

	logging zap.Options
	version bool

	filter      spokecheck.Filter
	permissions []probe.Permission
}

// parse reads and checks the command line.
func parse(args []string) (*options, error) {
	o := &options{}
	flags := pflag.NewFlagSet("consumer", pflag.ContinueOnError)
	flags.SortFlags = false
	o.addFlags(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if !flags.Changed("leader-elect") && o.leaderElectionNamespace == "" && !inCluster() {
		// There is no namespace for the lease, and one who tries the consumer out on a laptop has no replicas.
		o.leaderElect = false
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: the consumer takes flags only", flags.Arg(0))
	}
	return o, o.validate()
}

// podNamespace is where a Pod finds its namespace; controller-runtime looks for the lease's there.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// inCluster says whether the consumer runs in a Pod. A test sets it.
var inCluster = func() bool {
	_, err := os.Stat(podNamespace)
	return err == nil
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "Path to the kubeconfig of the hub; $KUBECONFIG, ~/.kube/config or the Pod's service account if not set. Credential plugins are given the same.")
	flags.StringVar(&o.providerFile, "clusterprofile-provider-file", "clusterprofile-provider-file.json", "Path to the provider file: which access providers are known, and the plugin of each.")
	flags.StringVar(&o.name, "name", "capi-inventory-consumer", "Name of this instance: the field manager of what it writes, and the name of its lease. Consumers that see different networks need different names.")
	flags.Float32Var(&o.qps, "kube-api-qps", 100, "Requests to the hub's API server, per second on average.")
	flags.IntVar(&o.burst, "kube-api-burst", 200, "Requests to the hub's API server that may exceed the average at once.")

	flags.StringSliceVarP(&o.namespaces, "namespace", "n", nil, "Namespace to watch; may be repeated or hold several, separated by commas. All if not set.")
	flags.StringVarP(&o.selector, "selector", "l", "", "Label selector for the profiles to watch. All if not set.")
	flags.StringVar(&o.clusterManager, "cluster-manager", "", "Watch only the profiles of this cluster manager (spec.clusterManager.name). All if not set.")

	flags.DurationVar(&o.interval, "interval", 30*time.Second, "Time between two probes of a spoke, or between two looks at one that does not answer. Spokes whose plugin fails, or whose credentials are refused, again and again, are probed at most ten intervals or a heartbeat apart.")
	flags.DurationVar(&o.heartbeat, "heartbeat", 5*time.Minute, "How often a SpokeCheck is written although nothing changed.")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Second, "Deadline of each single stage of a probe, and of a credential plugin; a whole probe may take three times as long.")
	flags.IntVar(&o.workers, "workers", 16, "Measure of how many spokes are probed at once: at most three times as many probes and plugins, and eight times as many looks at spokes that do not answer. One namespace gets no more than half of each, one tenant a third.")

	flags.BoolVar(&o.allowLocalServers, "allow-local-servers", false, "Dial servers on loopback, link-local and metadata addresses too. For tests: there, whoever writes profiles can have this machine dial itself.")
	flags.BoolVar(&o.honorTLSFields, "honor-tls-fields", false, "Use tls-server-name and insecure-skip-tls-verify of a profile, which readers built on v0.1.3 of cluster-inventory-api drop.")
	flags.StringSliceVar(&o.referenceNamespaces, "reference-namespaces", nil, "Namespaces whose Secrets profiles of other namespaces may refer to, separated by commas; * for all. Whoever writes a profile has what is in such a Secret sent to a server of their choice. A profile may always refer to Secrets of its own namespace.")
	flags.StringSliceVar(&o.requirePermissions, "require-permission", nil, "Permission without which a spoke does not count as reachable, as verb/resource, for example list/pods or create/deployments.apps; may be repeated.")

	flags.StringVar(&o.metricsBindAddress, "metrics-bind-address", ":8443", "Address to serve metrics at; 0 for none.")
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true, "Serve metrics over TLS, and to those only whom the hub allows to get /metrics.")
	flags.StringVar(&o.healthProbeBindAddress, "health-probe-bind-address", ":8081", "Address to serve /healthz and /readyz at; 0 for none.")
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "Let one of several replicas of the same name probe. Off by default outside of a cluster, unless --leader-election-namespace is set.")
	flags.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "", "Namespace of the lease; the Pod's own if not set.")

	flags.BoolVar(&o.once, "once", false, "Probe every spoke once, print what was seen, write nothing, and exit: 0 if all are reachable, 1 if not, 2 if that could not be found out.")
	flags.StringVarP(&o.output, "output", "o", "table", "What --once prints: table, or json for a SpokeCheckList.")

	flags.BoolVar(&o.version, "version", false, "Print the version and exit.")
	logging := flag.NewFlagSet("", flag.ContinueOnError)
	o.logging.BindFlags(logging)
	flags.AddGoFlagSet(logging)
}

// validate refuses at once what cannot work, all of it, and fills in what flags are parsed into.
func (o *options) validate() error {
	var problems []error
	wrong := func(flag, format string, args ...any) {
		problems = append(problems, fmt.Errorf("--%s: "+format, append([]any{flag}, args...)...))
	}
	if o.providerFile == "" {
		wrong("clusterprofile-provider-file", "must be set")
	}
	if o.name == "" || len(validation.NameIsDNSSubdomain(o.name, false)) > 0 || len(metav1validation.ValidateFieldManager(o.name, field.NewPath("name"))) > 0 {
		wrong("name", "%q is not a DNS name of at most 128 characters", o.name)
	}
	for _, namespace := range o.namespaces {
		if len(validation.ValidateNamespaceName(namespace, false)) > 0 {
			wrong("namespace", "%q is not the name of a namespace", namespace)
		}
	}
	for _, namespace := range o.referenceNamespaces {
		if namespace != access.AllNamespaces && len(validation.ValidateNamespaceName(namespace, false)) > 0 {
			wrong("reference-namespaces", "%q is neither the name of a namespace nor %s", namespace, access.AllNamespaces)
		}
	}
	var err error
	if o.filter.Selector, err = labels.Parse(o.selector); err != nil {
		wrong("selector", "%s", err)
	}
	o.filter.ClusterManager = o.clusterManager
	for _, duration := range []struct {
		flag  string
		value time.Duration
	}{{"interval", o.interval}, {"heartbeat", o.heartbeat}, {"timeout", o.timeout}} {
		if duration.value <= 0 {
			wrong(duration.flag, "must be longer than nothing")
		}
	}
	if o.workers < 1 {
		wrong("workers", "must be at least 1")
	}
	if o.qps <= 0 {
		wrong("kube-api-qps", "must be positive")
	}
	if o.burst < 1 {
		wrong("kube-api-burst", "must be at least 1")
	}
	for _, text := range o.requirePermissions {
		permission, err := probe.ParsePermission(text)
		if err != nil {
			wrong("require-permission", "%s", err)
		}
		o.permissions = append(o.permissions, permission)
	}
	if o.output != outputTable && o.output != outputJSON {
		wrong("output", "%q is none of %s", o.output, strings.Join([]string{outputTable, outputJSON}, ", "))
	}
	return errors.Join(problems...)
}
