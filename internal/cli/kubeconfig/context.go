// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package kubeconfig converts ClusterProfiles to contexts of a kubeconfig, and merges them into a file without changing anything
// else in it.
//
// A context is named after its profile, namespace/name, so that a profile always gets the same name. Its user is the credential
// plugin of the provider file with the profile's arguments; or, for a file that must work alone, the plugin's current credentials.
package kubeconfig

import (
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
)

// execExtension is the extension whose value client-go passes to a plugin.
const execExtension = "client.authentication.k8s.io/exec"

// Context is a context with its own cluster and user, which have its name.
type Context struct {
	Name    string
	Cluster *clientcmdapi.Cluster
	User    *clientcmdapi.AuthInfo
}

// Name returns the name of a profile's context.
func Name(profile *inventoryv1alpha1.ClusterProfile) string {
	return profile.Namespace + "/" + profile.Name
}

// WithPlugin returns a context whose credentials come from the plugin, each time they are needed. hub is the kubeconfig by which the
// plugin connects to the hub, which must not be the file that the context is written to; empty leaves it to the plugin.
func WithPlugin(profile *inventoryv1alpha1.ClusterProfile, connection access.Connection, hub string) (Context, error) {
	c, err := base(profile, connection)
	if err != nil {
		return Context{}, err
	}
	plugin := connection.Config.ExecProvider.DeepCopy()
	if plugin.Config != nil {
		c.Cluster.Extensions = map[string]runtime.Object{execExtension: plugin.Config}
	}
	if strings.ContainsRune(plugin.Command, filepath.Separator) {
		// A relative path is relative to the file in a kubeconfig, and to the working directory in a provider file.
		if plugin.Command, err = filepath.Abs(plugin.Command); err != nil {
			return Context{}, err
		}
	}
	if hub != "" && !setsKubeconfig(plugin) {
		plugin.Env = append(plugin.Env, clientcmdapi.ExecEnvVar{Name: clientcmd.RecommendedConfigPathEnvVar, Value: hub})
	}
	if hub != "" {
		outOfPod(plugin)
	}
	c.User = &clientcmdapi.AuthInfo{Exec: plugin}
	return c, nil
}

// FindsHub reports whether the provider file itself sets the kubeconfig by which the plugin connects to the hub.
func FindsHub(connection access.Connection) bool {
	return setsKubeconfig(connection.Config.ExecProvider)
}

func setsKubeconfig(plugin *clientcmdapi.ExecConfig) bool {
	return setsVariable(plugin, clientcmd.RecommendedConfigPathEnvVar)
}

func setsVariable(plugin *clientcmdapi.ExecConfig, name string) bool {
	return slices.ContainsFunc(plugin.Env, func(env clientcmdapi.ExecEnvVar) bool { return env.Name == name })
}

// WithCredential returns a context that contains the credentials, and works until they expire.
func WithCredential(
	profile *inventoryv1alpha1.ClusterProfile, connection access.Connection, given *credential.Credential,
) (Context, error) {
	c, err := base(profile, connection)
	if err != nil {
		return Context{}, err
	}
	c.User = &clientcmdapi.AuthInfo{Token: given.Token, ClientCertificateData: given.Certificate, ClientKeyData: given.Key}
	return c, nil
}

func base(profile *inventoryv1alpha1.ClusterProfile, connection access.Connection) (Context, error) {
	proxy, err := proxyOf(connection.Config)
	if err != nil {
		return Context{}, err
	}
	return Context{Name: Name(profile), Cluster: &clientcmdapi.Cluster{
		Server:                   connection.Config.Host,
		CertificateAuthorityData: connection.Config.CAData,
		TLSServerName:            connection.Config.ServerName,
		InsecureSkipTLSVerify:    connection.Config.Insecure,
		ProxyURL:                 proxy,
	}}, nil
}

// proxyOf returns the proxy that a configuration uses for its server.
func proxyOf(config *rest.Config) (string, error) {
	if config.Proxy == nil {
		return "", nil
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		return "", err
	}
	proxy, err := config.Proxy(&http.Request{URL: server})
	if err != nil || proxy == nil {
		return "", err
	}
	return proxy.String(), nil
}
