// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"fmt"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/capi-inventory/capi-inventory/internal/hub/timestamps"
)

// namespaceFile is where a pod finds the name of its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// PodNamespace returns the namespace of the pod that the process runs in; empty outside of a pod.
func PodNamespace() string {
	namespace, err := os.ReadFile(namespaceFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(namespace))
}

// ClientConfig finds the hub as kubectl does: in the kubeconfig at a path if it is not empty, else in those of $KUBECONFIG, else in
// ~/.kube/config, else as the ServiceAccount of the pod.
func ClientConfig(kubeconfig string) clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil)
}

// RESTConfig returns the configuration of a client of the hub, without a limit of its own on the rate of requests. Clients of it read every
// time that an API server accepts.
func RESTConfig(loader clientcmd.ClientConfig, userAgent string) (*rest.Config, error) {
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the hub: %w", err)
	}
	config.UserAgent = userAgent
	// Zero would be client-go's own default of 5 requests per second.
	config.QPS = -1
	config.Wrap(timestamps.NewTransport)
	return config, nil
}
