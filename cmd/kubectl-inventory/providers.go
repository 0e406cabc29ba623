// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/homedir"
	"k8s.io/utils/clock"

	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential/hubconfig"
)

const (
	// providersVariable names the provider file where the flag does not.
	providersVariable = "KUBECTL_INVENTORY_PROVIDERS"
	providersName     = "clusterprofile-provider-file.json"
)

// noProviders is what to say to a person who has no provider file yet.
const noProviders = `%w
A provider file says which credential plugin to run for which access provider, for example
  {"providers": [{"name": "kubeconfig-secretreader", "execConfig": {
    "apiVersion": "client.authentication.k8s.io/v1", "command": "kubeconfig-secretreader", "provideClusterInfo": true}}]}
Name yours with --clusterprofile-provider-file or $` + providersVariable

// providerFlags say how to get into spokes.
type providerFlags struct {
	file              string
	allowLocalServers bool
	honorTLSFields    bool
	timeout           time.Duration
	workers           int
	// referenceNamespaces are those from which references of any profile are followed.
	referenceNamespaces []string
}

func (f *providerFlags) add(cmd *cobra.Command) {
	f.addFile(cmd, "")
	cmd.Flags().BoolVar(&f.allowLocalServers, "allow-local-servers", false, "Dial servers on loopback, link-local and metadata addresses too, such as those of clusters in containers on this machine.")
	cmd.Flags().BoolVar(&f.honorTLSFields, "honor-tls-fields", false, "Use tls-server-name and insecure-skip-tls-verify of a profile, which readers built on v0.1.3 of cluster-inventory-api drop.")
	cmd.Flags().StringSliceVar(&f.referenceNamespaces, "reference-namespaces", nil, "Namespaces whose Secrets profiles of other namespaces may refer to, separated by commas; * for all. Whoever writes a profile has what is in such a Secret sent to a server of their choice. A profile may always refer to Secrets of its own namespace, and to those of its Cluster's where it leads to that Cluster.")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "Deadline of each single stage, and of a credential plugin.")
	cmd.Flags().IntVar(&f.workers, "workers", 16, "How many spokes are worked on at once.")
}

func (f *providerFlags) addFile(cmd *cobra.Command, otherwise string) {
	if otherwise == "" {
		otherwise = "$" + providersVariable + " or ~/.kube/" + providersName + " if not set."
	}
	cmd.Flags().StringVar(&f.file, "clusterprofile-provider-file", "", "Path to the provider file, which says which plugin to run for which access provider; "+otherwise)
}

func (f *providerFlags) validate() error {
	if f.timeout <= 0 {
		return errors.New("--timeout: must be longer than nothing")
	}
	if f.workers < 1 {
		return errors.New("--workers: must be at least 1")
	}
	for _, namespace := range f.referenceNamespaces {
		if namespace != access.AllNamespaces && len(validation.ValidateNamespaceName(namespace, false)) > 0 {
			return fmt.Errorf("--reference-namespaces: %q is neither the name of a namespace nor %s", namespace, access.AllNamespaces)
		}
	}
	return nil
}

// load reads the provider file.
func (f *providerFlags) load() (*access.Providers, error) {
	path := cmp.Or(f.file, os.Getenv(providersVariable), filepath.Join(homedir.HomeDir(), clientcmd.RecommendedHomeDir, providersName))
	providers, err := access.Load(path, access.Options{HonorTLSFields: f.honorTLSFields, AllowLocalServers: f.allowLocalServers})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(noProviders, err)
	}
	return providers, err
}

// source runs plugins, which find the hub that the kubeconfig flags name. done removes what was made for that.
func (o *options) source(f *providerFlags) (source *credential.Source, done func() error, err error) {
	found, err := o.pluginHub()
	if err != nil {
		return nil, nil, err
	}
	return &credential.Source{
		Timeout: f.timeout, MaxAge: time.Hour, Environment: credential.Personal(), Hub: found.Environment, Clock: clock.RealClock{},
	}, found.Close, nil
}

// pluginHub is how plugins find the hub that the kubeconfig flags name.
func (o *options) pluginHub() (*hubconfig.Hub, error) {
	return hubconfig.Find(o.config.ToRawKubeConfigLoader(), *o.config.Context)
}
