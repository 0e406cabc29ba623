// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capi-inventory/capi-inventory/controllers/spokecheck"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

const usage = `Usage:
  consumer [flags]          checks the spokes of ClusterProfiles and reports in SpokeChecks, until it is stopped
  consumer --once [flags]   checks every spoke once and prints the result
`

// options are the flags. filter and permissions are parsed from flags by validate.
type options struct {
	hub.Flags
	providerFile string
	name         string

	clusterManager string
	selector       string
	filter         spokecheck.Filter

	interval  time.Duration
	heartbeat time.Duration
	timeout   time.Duration
	// memoryLimit is that of plugins.
	memoryLimit resource.QuantityValue

	allowLocalServers  bool
	honorTLSFields     bool
	requirePermissions []string
	permissions        []probe.Permission
	// referenceNamespaces are those whose Secrets profiles of any namespace may refer to.
	referenceNamespaces []string

	once   bool
	output string
}

// parse reads the command line; its error names each wrong flag and the reason.
func parse(args []string) (*options, error) {
	o := &options{Flags: hub.Flags{
		QPS:                100,
		Burst:              200,
		Concurrency:        16,
		LeaderElect:        true,
		DiagnosticsAddress: ":8443",
		HealthAddress:      ":9440",
	}}
	flags := commandline.NewFlagSet("consumer", usage)
	o.addProfileFlags(flags)
	o.addProbeFlags(flags)
	o.addSharedFlags(flags)
	if err := commandline.Parse(flags, args); err != nil {
		return nil, err
	}
	if !flags.Changed("leader-elect") && o.LeaderElectionNamespace == "" && !inCluster() {
		// There is no namespace for the Lease, and a user who tries the consumer out on a laptop has no replicas.
		o.LeaderElect = false
	}
	return o, o.validate()
}

// inCluster reports whether the consumer runs in a pod. A test replaces it.
var inCluster = func() bool { return commandline.PodNamespace() != "" }

// addProfileFlags adds the flags that say which profiles are watched and how they are read.
func (o *options) addProfileFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.providerFile, "clusterprofile-provider-file", "clusterprofile-provider-file.json",
		"Path to the provider file: which access providers are known, and the plugin of each.")
	flags.StringVar(&o.name, "name", "capi-inventory-consumer",
		"Name of this instance: the field manager of what it writes, and the name of its Lease. "+
			"Consumers in different networks need different names.")
	flags.StringVarP(&o.selector, "selector", "l", "", "Label selector for the profiles to watch. All if not set.")
	flags.StringVar(&o.clusterManager, "cluster-manager-name", "",
		"Watch only the profiles of this cluster manager (spec.clusterManager.name). All if not set.")
	flags.BoolVar(&o.honorTLSFields, "honor-tls-fields", false,
		"Use tls-server-name and insecure-skip-tls-verify of a profile, which readers built on v0.1.3 of cluster-inventory-api drop.")
	flags.StringSliceVar(&o.referenceNamespaces, "reference-namespaces", nil,
		"Namespaces whose Secrets profiles of other namespaces may refer to, separated by commas; * for all. "+
			"A user who may write profiles can send the content of such a Secret to any server. "+
			"A profile may always refer to Secrets of its own namespace.")
}

// addProbeFlags adds the flags that say how spokes are probed.
func (o *options) addProbeFlags(flags *pflag.FlagSet) {
	flags.DurationVar(&o.interval, "interval", 30*time.Second,
		"Time between two probes of a spoke, or between two pings of one that does not answer. Spokes whose plugin fails, "+
			"or whose credentials are refused, repeatedly, are probed at most ten intervals or a heartbeat apart.")
	flags.DurationVar(&o.heartbeat, "heartbeat", 5*time.Minute, "Time after which a SpokeCheck is written although nothing changed.")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Second,
		"Deadline of each single stage of a probe, and of a credential plugin; all stages together may take three times as long, and "+
			"seven times where the spoke refuses a cached credential and is probed again.")
	o.memoryLimit.Quantity = resource.MustParse(credential.DefaultMemoryLimit)
	flags.Var(&o.memoryLimit, "plugin-memory-limit",
		"Memory that each process of a credential plugin may take, on Linux; 0 for no limit. "+
			"Up to three times --concurrency plugins run at once.")
	flags.StringSliceVar(&o.requirePermissions, "require-permission", nil,
		"Permission without which a spoke does not count as reachable, as verb/resource, for example list/pods or "+
			"create/deployments.apps; may be repeated.")
	flags.BoolVar(&o.allowLocalServers, "allow-local-servers", false,
		"Dial servers on loopback, link-local and metadata addresses too. For tests: with it, a user who may write profiles "+
			"can make this machine dial itself.")
	flags.BoolVar(&o.once, "once", false,
		"Check every spoke once, print the result, write nothing, and exit: 0 if all are reachable, 1 if not, "+
			"2 if that could not be found out.")
	flags.StringVarP(&o.output, "output", "o", outputTable, "What --once prints: table, or json for a SpokeCheckList.")
}

func (o *options) addSharedFlags(flags *pflag.FlagSet) {
	o.AddTo(flags, hub.Usage{
		Namespace: "Namespace whose profiles are watched; may be repeated or hold several, separated by commas. All if not set.",
		Concurrency: "Measure of how many spokes are checked at once: at most three times as many probes and plugins, and eight " +
			"times as many pings of spokes that do not answer. One namespace gets at most half of each, one tenant a third.",
		LeaderElect: "Let one of several replicas of the same name check. Off by default outside of a pod, unless " +
			"--leader-election-namespace is set.",
	})
}

// validate reports everything that is wrong, and sets what is parsed from flags.
func (o *options) validate() error {
	var errs commandline.FlagErrors
	if o.providerFile == "" {
		errs.Add("clusterprofile-provider-file", "must be set")
	}
	if o.name == "" || len(validation.NameIsDNSSubdomain(o.name, false)) > 0 ||
		len(metav1validation.ValidateFieldManager(o.name, field.NewPath("name"))) > 0 {
		errs.Add("name", "%q is not a DNS name of at most 128 characters", o.name)
	}
	for _, namespace := range o.referenceNamespaces {
		if namespace != access.AllNamespaces {
			errs.CheckNamespaces("reference-namespaces", []string{namespace})
		}
	}
	var err error
	if o.filter.Selector, err = labels.Parse(o.selector); err != nil {
		errs.Add("selector", "%s", err)
	}
	o.filter.ClusterManager = o.clusterManager
	errs.CheckPositive("interval", int64(o.interval))
	errs.CheckPositive("heartbeat", int64(o.heartbeat))
	errs.CheckPositive("timeout", int64(o.timeout))
	if o.memoryLimit.Sign() < 0 {
		errs.Add("plugin-memory-limit", "must not be negative")
	}
	for _, text := range o.requirePermissions {
		permission, err := probe.ParsePermission(text)
		if err != nil {
			errs.Add("require-permission", "%s", err)
		}
		o.permissions = append(o.permissions, permission)
	}
	if o.output != outputTable && o.output != outputJSON {
		errs.Add("output", "%q is not %s or %s", o.output, outputTable, outputJSON)
	}
	o.Validate(&errs)
	return errs.Join()
}
