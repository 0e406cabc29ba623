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
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/homedir"
	"k8s.io/utils/clock"

	"github.com/capi-inventory/capi-inventory/internal/access"
	"github.com/capi-inventory/capi-inventory/internal/credential"
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
}

func (f *providerFlags) add(cmd *cobra.Command) {
	f.addFile(cmd, "")
	cmd.Flags().BoolVar(&f.allowLocalServers, "allow-local-servers", false, "Dial servers on loopback, link-local and metadata addresses too, such as those of clusters in containers on this machine.")
	cmd.Flags().BoolVar(&f.honorTLSFields, "honor-tls-fields", false, "Use tls-server-name and insecure-skip-tls-verify of a profile, which readers built on v0.1.3 of cluster-inventory-api drop.")
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
	source = &credential.Source{Timeout: f.timeout, MaxAge: time.Hour, Environment: credential.Inherited(), Clock: clock.RealClock{}}
	kubeconfig, done, err := o.hubForPlugins()
	if kubeconfig != "" {
		source.Environment = append(source.Environment, clientcmd.RecommendedConfigPathEnvVar+"="+kubeconfig)
	}
	return source, done, err
}

// hubForPlugins is the kubeconfig that leads a plugin to the hub; empty where it finds the hub as this program does. A plugin
// knows nothing of --context, so for that there is a kubeconfig of a moment with that context alone.
func (o *options) hubForPlugins() (path string, done func() error, err error) {
	done = func() error { return nil }
	if !o.choosesContext() {
		return *o.config.KubeConfig, done, nil
	}
	shared, err := o.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return "", done, fmt.Errorf("finding the hub: %w", err)
	}
	raw := *shared.DeepCopy()
	raw.CurrentContext = cmp.Or(*o.config.Context, raw.CurrentContext)
	chosen := raw.Contexts[raw.CurrentContext]
	if chosen == nil {
		return "", done, fmt.Errorf("--context: there is no context %q", raw.CurrentContext)
	}
	chosen.Cluster, chosen.AuthInfo = cmp.Or(*o.config.ClusterName, chosen.Cluster), cmp.Or(*o.config.AuthInfoName, chosen.AuthInfo)
	if err := errors.Join(clientcmdapi.MinifyConfig(&raw), clientcmdapi.FlattenConfig(&raw)); err != nil {
		return "", done, fmt.Errorf("finding the hub for plugins: %w", err)
	}
	dir, err := os.MkdirTemp("", "kubectl-inventory-")
	if err != nil {
		return "", done, fmt.Errorf("making a kubeconfig for plugins: %w", err)
	}
	done = func() error { return os.RemoveAll(dir) }
	path = filepath.Join(dir, "hub.kubeconfig")
	if err := clientcmd.WriteToFile(raw, path); err != nil {
		return "", done, errors.Join(fmt.Errorf("making a kubeconfig for plugins: %w", err), done())
	}
	return path, done, nil
}

// choosesContext says whether the flags lead to another hub than the kubeconfig by itself.
func (o *options) choosesContext() bool {
	return *o.config.Context != "" || *o.config.ClusterName != "" || *o.config.AuthInfoName != ""
}
