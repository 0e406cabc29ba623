// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/homedir"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/cli/references"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential/hubconfig"
)

const (
	// providersVariable is the environment variable for the provider file, if the flag is not set.
	providersVariable = "KUBECTL_INVENTORY_PROVIDERS"
	providersName     = "clusterprofile-provider-file.json"
)

// noProviders is the error for a user without a provider file.
const noProviders = `%w
A provider file maps access providers to credential plugins, for example
  {"providers": [{"name": "kubeconfig-secretreader", "execConfig": {
    "apiVersion": "client.authentication.k8s.io/v1", "command": "kubeconfig-secretreader", "provideClusterInfo": true}}]}
Set its path with --clusterprofile-provider-file or $` + providersVariable

// providerFlags configure the connections to spokes.
type providerFlags struct {
	file              string
	allowLocalServers bool
	honorTLSFields    bool
	timeout           time.Duration
	memoryLimit       resource.QuantityValue
	workers           int
	// referenceNamespaces are the namespaces whose Secrets any profile may refer to.
	referenceNamespaces []string
}

func (f *providerFlags) add(cmd *cobra.Command) {
	f.addFile(cmd, "If empty, $"+providersVariable+", or else ~/.kube/"+providersName+".")
	cmd.Flags().BoolVar(&f.allowLocalServers, "allow-local-servers", false, "Also dial servers on loopback, link-local and metadata "+
		"addresses, such as clusters in containers on this machine.")
	cmd.Flags().BoolVar(&f.honorTLSFields, "honor-tls-fields", false, "Use tls-server-name and insecure-skip-tls-verify of a profile, "+
		"which consumers built on cluster-inventory-api v0.1.3 ignore.")
	cmd.Flags().StringSliceVar(&f.referenceNamespaces, "reference-namespaces", nil, "Namespaces whose Secrets profiles of other "+
		"namespaces may refer to, separated by "+
		"commas; * for all. The writer of a profile chooses the server that gets the credentials in such a Secret. A profile may always "+
		"refer to Secrets of its own namespace, and to its Cluster's if its server is that of the Cluster.")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "Timeout of each stage, and of a credential plugin.")
	f.memoryLimit.Quantity = resource.MustParse(credential.DefaultMemoryLimit)
	cmd.Flags().Var(&f.memoryLimit, "plugin-memory-limit",
		"Memory that each process of a credential plugin may take, on Linux; 0 for no limit.")
	cmd.Flags().IntVar(&f.workers, "workers", 16, "Number of spokes that are processed at the same time.")
}

// addFile adds the flag for the provider file, with a sentence about what it is for.
func (f *providerFlags) addFile(cmd *cobra.Command, purpose string) {
	cmd.Flags().StringVar(&f.file, "clusterprofile-provider-file", "",
		"Path to the provider file, which maps access providers to credential plugins. "+purpose)
}

func (f *providerFlags) validate() error {
	if f.timeout <= 0 {
		return errors.New("--timeout: must be positive")
	}
	if f.memoryLimit.Sign() < 0 {
		return errors.New("--plugin-memory-limit: must not be negative")
	}
	if f.workers < 1 {
		return errors.New("--workers: must be at least 1")
	}
	for _, namespace := range f.referenceNamespaces {
		if namespace != access.AllNamespaces && len(validation.ValidateNamespaceName(namespace, false)) > 0 {
			return fmt.Errorf("--reference-namespaces: %q is neither a valid namespace nor %s", namespace, access.AllNamespaces)
		}
	}
	return nil
}

// load loads the provider file.
func (f *providerFlags) load() (*access.Providers, error) {
	path := cmp.Or(f.file, os.Getenv(providersVariable), filepath.Join(homedir.HomeDir(), clientcmd.RecommendedHomeDir, providersName))
	providers, err := access.Load(path, access.Options{HonorTLSFields: f.honorTLSFields, AllowLocalServers: f.allowLocalServers})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(noProviders, err)
	}
	return providers, err
}

// source returns a source that runs plugins, with a connection to the hub of the kubeconfig flags. done removes its temporary files.
func (o *options) source(f *providerFlags) (source *credential.Source, done func() error, err error) {
	found, err := o.pluginHub()
	if err != nil {
		return nil, nil, err
	}
	return &credential.Source{
		Timeout:     f.timeout,
		MaxAge:      time.Hour,
		MemoryLimit: f.memoryLimit.Value(),
		Environment: credential.Personal(),
		Hub:         found.Environment,
		Clock:       clock.RealClock{},
	}, found.Close, nil
}

// pluginHub returns how plugins connect to the hub of the kubeconfig flags.
func (o *options) pluginHub() (*hubconfig.Hub, error) {
	return hubconfig.Find(o.config.ToRawKubeConfigLoader(), *o.config.Context)
}

// permit returns the providers with the references of the profiles that are permitted, and warns of those that only a flag permits.
func (o *options) permit(
	ctx context.Context, hub client.Reader, policy references.Policy, profiles []inventoryv1alpha1.ClusterProfile,
) (*access.Providers, error) {
	found, err := o.pluginHub()
	if err != nil {
		return nil, err
	}
	policy.Default = found.Namespace
	permitted, warnings, err := policy.Permit(ctx, hub, profiles)
	for _, warning := range warnings {
		o.warnf("Warning: %s", printers.Printable(warning))
	}
	return permitted, err
}
