// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/timestamps"
)

// userAgent is the user agent of requests to the hub and to spokes.
const userAgent = "kubectl-inventory"

// options are common to all commands: the connection to the hub, the streams, and the clock.
type options struct {
	genericiooptions.IOStreams
	config *genericclioptions.ConfigFlags
	now    func() time.Time
	// profileVersion is the version of ClusterProfile in use. It is the preferred one until the hub is connected to.
	profileVersion schema.GroupVersion
}

// warnf prints a message to the error stream, without the control characters of texts that others have written. An error of that stream
// cannot be reported.
func (o *options) warnf(format string, args ...any) {
	_, _ = fmt.Fprintln(o.ErrOut, printers.PrintableLines(fmt.Sprintf(format, args...)))
}

func newScheme(config *rest.Config) *runtime.Scheme {
	return hub.NewSchemeFor(config, clientgoscheme.AddToScheme, clusterv1.AddToScheme)
}

// hubConfig returns the client configuration of the kubeconfig flags.
func (o *options) hubConfig() (*rest.Config, error) {
	config, err := o.config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("loading the kubeconfig: %w", err)
	}
	config.UserAgent = userAgent
	config.Wrap(timestamps.NewTransport)
	return config, nil
}

func (o *options) hub() (client.Client, error) {
	config, err := o.hubConfig()
	if err != nil {
		return nil, err
	}
	connected, err := client.New(config, client.Options{Scheme: newScheme(config)})
	if err != nil {
		return nil, fmt.Errorf("connecting to the hub: %w", err)
	}
	kind, err := connected.GroupVersionKindFor(&inventoryv1alpha1.ClusterProfile{})
	if err != nil {
		return nil, fmt.Errorf("finding the version of ClusterProfile: %w", err)
	}
	o.profileVersion = kind.GroupVersion()
	return connected, nil
}

// namespace returns the namespace of -n, or of the kubeconfig's context.
func (o *options) namespace() (string, error) {
	namespace, _, err := o.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", fmt.Errorf("loading the namespace from the kubeconfig: %w", err)
	}
	return namespace, nil
}
