// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/hub"
)

// userAgent is how the plugin introduces itself, to the hub and to spokes.
const userAgent = "kubectl-inventory"

// options are what every command has: how to reach the hub, where to print, and what time it is.
type options struct {
	genericiooptions.IOStreams
	config *genericclioptions.ConfigFlags
	now    func() time.Time
}

// say tells a person something that is not the output. There is nobody to tell that it could not be told.
func (o *options) say(format string, args ...any) { _, _ = fmt.Fprintf(o.ErrOut, format+"\n", args...) }

func newScheme() *runtime.Scheme {
	return hub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme)
}

// connection is the hub of the kubeconfig flags.
func (o *options) connection() (*rest.Config, error) {
	config, err := o.config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the hub: %w", err)
	}
	config.UserAgent = userAgent
	return config, nil
}

func (o *options) hub() (client.Client, error) {
	config, err := o.connection()
	if err != nil {
		return nil, err
	}
	hub, err := client.New(config, client.Options{Scheme: newScheme()})
	if err != nil {
		return nil, fmt.Errorf("connecting to the hub: %w", err)
	}
	return hub, nil
}

// namespace is that of -n, or of the kubeconfig's context.
func (o *options) namespace() (string, error) {
	namespace, _, err := o.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", fmt.Errorf("finding the namespace: %w", err)
	}
	return namespace, nil
}

// scopeFlags choose profiles.
type scopeFlags struct {
	allNamespaces bool
	selector      string
}

func (f *scopeFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "Look in every namespace.")
	cmd.Flags().StringVarP(&f.selector, "selector", "l", "", "Label selector for the profiles.")
}

// scope is what the flags and the names on the command line mean.
func (o *options) scope(f *scopeFlags, names []string) (lookup.Selection, error) {
	selector, err := labels.Parse(f.selector)
	if err != nil {
		return lookup.Selection{}, fmt.Errorf("--selector: %w", err)
	}
	scope := lookup.Selection{Selector: selector, Names: names}
	if !f.allNamespaces {
		if scope.Namespace, err = o.namespace(); err != nil {
			return lookup.Selection{}, err
		}
	}
	return scope, nil
}

// profiles reads what a command is to work on; that there is nothing is an error, with what to do about it.
func (o *options) profiles(cmd *cobra.Command, hub client.Reader, f *scopeFlags, names []string) ([]inventoryv1alpha1.ClusterProfile, error) {
	scope, err := o.scope(f, names)
	if err != nil {
		return nil, err
	}
	profiles, err := lookup.Profiles(cmd.Context(), hub, scope)
	if err == nil && len(profiles) == 0 {
		err = fmt.Errorf("nothing to do: %s", lookup.Hint(cmd.Context(), hub, scope))
	}
	return profiles, err
}
