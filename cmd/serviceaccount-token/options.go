// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
	"github.com/capi-inventory/capi-inventory/internal/spoke/federation"
)

const usage = `Usage:
  serviceaccount-token [flags]   prints an ExecCredential with a token of a ServiceAccount of the hub

An exec credential plugin (client.authentication.k8s.io/v1): the consumer sets KUBERNETES_EXEC_INFO, with the cluster in it
(provideClusterInfo). The audience of the token is made of the cluster's server and certificate authority.
`

// minExpiration is the shortest lifetime that a TokenRequest may have.
const minExpiration = 10 * time.Minute

// options are the flags.
type options struct {
	kubeconfig string
	// account is empty for the hub's user.
	account        types.NamespacedName
	audiencePrefix string
	expiration     time.Duration
	version        bool
}

// parse reads the command line; its error names each wrong flag and the reason.
func parse(args []string) (*options, error) {
	o := &options{}
	flags := commandline.NewFlagSet(federation.Name, usage)
	commandline.AddKubeconfig(flags, &o.kubeconfig)
	flags.StringVar(&o.account.Namespace, "namespace", "",
		"Namespace of the ServiceAccount; goes with --service-account. If neither is set, the ServiceAccount is the hub's user.")
	flags.StringVar(&o.account.Name, "service-account", "", "Name of the ServiceAccount; goes with --namespace.")
	flags.StringVar(&o.audiencePrefix, "audience-prefix", federation.DefaultAudiencePrefix,
		"What every audience begins with; the rest is the server and the fingerprint of its certificate authority. "+
			"The spokes have to expect the same.")
	flags.DurationVar(&o.expiration, "expiration", time.Hour, "Lifetime of the token; at least 10m. The hub may decide otherwise.")
	flags.BoolVar(&o.version, "version", false, "Print the version and exit.")
	if err := commandline.Parse(flags, args); err != nil {
		return nil, err
	}
	return o, o.validate()
}

func (o *options) validate() error {
	var errs commandline.FlagErrors
	switch {
	case o.account == types.NamespacedName{}:
	case o.account.Namespace == "":
		errs.Add("namespace", "must be set if --service-account is")
	case o.account.Name == "":
		errs.Add("service-account", "must be set if --namespace is")
	default:
		errs.CheckNamespaces("namespace", []string{o.account.Namespace})
		if len(validation.ValidateServiceAccountName(o.account.Name, false)) > 0 {
			errs.Add("service-account", "%q is not a valid name of a ServiceAccount", o.account.Name)
		}
	}
	if o.audiencePrefix == "" {
		errs.Add("audience-prefix", "must not be empty: the audience could be that of another service")
	}
	if o.expiration < minExpiration {
		errs.Add("expiration", "must be at least %s", minExpiration)
	}
	return errs.Join()
}
