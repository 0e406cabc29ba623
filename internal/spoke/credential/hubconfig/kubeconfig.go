// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hubconfig

import (
	"fmt"
	"net/http"
	"net/url"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// name is that of everything in a temporary kubeconfig.
const name = "hub"

// execExtension is the extension that client-go passes to an exec plugin.
const execExtension = "client.authentication.k8s.io/exec"

// kubeconfigOf is a kubeconfig from which client-go makes the configuration again. Files that the configuration refers to
// stay references, so that a token or certificate that is renewed there is renewed for plugins too.
func kubeconfigOf(config *rest.Config, namespace string) (*clientcmdapi.Config, error) {
	proxy, err := proxyOf(config)
	if err != nil {
		return nil, err
	}
	cluster := clientcmdapi.NewCluster()
	cluster.Server = config.Host
	cluster.TLSServerName = config.ServerName
	cluster.InsecureSkipTLSVerify = config.Insecure
	cluster.CertificateAuthority, cluster.CertificateAuthorityData = config.CAFile, config.CAData
	cluster.ProxyURL = proxy
	cluster.DisableCompression = config.DisableCompression
	user := userOf(config)
	if user.Exec != nil && user.Exec.Config != nil {
		cluster.Extensions = map[string]runtime.Object{execExtension: user.Exec.Config}
	}
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters[name], kubeconfig.AuthInfos[name] = cluster, user
	kubeconfig.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	kubeconfig.CurrentContext = name
	return kubeconfig, nil
}

func userOf(config *rest.Config) *clientcmdapi.AuthInfo {
	user := clientcmdapi.NewAuthInfo()
	user.ClientCertificate, user.ClientCertificateData = config.CertFile, config.CertData
	user.ClientKey, user.ClientKeyData = config.KeyFile, config.KeyData
	if user.TokenFile = config.BearerTokenFile; user.TokenFile == "" {
		// With a file, the token is only what the file held when it was read.
		user.Token = config.BearerToken
	}
	user.Username, user.Password = config.Username, config.Password
	user.Impersonate, user.ImpersonateUID = config.Impersonate.UserName, config.Impersonate.UID
	user.ImpersonateGroups, user.ImpersonateUserExtra = config.Impersonate.Groups, config.Impersonate.Extra
	user.AuthProvider = config.AuthProvider
	user.Exec = config.ExecProvider.DeepCopy()
	return user
}

// proxyOf is the proxy of a configuration; empty means the proxy of the environment.
func proxyOf(config *rest.Config) (string, error) {
	if config.Proxy == nil {
		return "", nil
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		return "", fmt.Errorf("the server: %w", err)
	}
	proxy, err := config.Proxy(&http.Request{URL: server})
	if err != nil {
		return "", fmt.Errorf("the proxy: %w", err)
	}
	if proxy == nil {
		return "", nil
	}
	return proxy.String(), nil
}
