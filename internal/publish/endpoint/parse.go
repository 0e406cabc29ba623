// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package endpoint parses the public half of a kubeconfig: the address of a spoke's API server and its certificate authority.
//
// Secrets do not pass this package. Parse looks at credentials only to check that a consumer's plugin could use them, and returns
// an Endpoint, which has no field for one; an error never quotes its input. A kubeconfig that a plugin would reject, or that would
// make its reader open a file or run a program, is rejected here, with a reason.
//
// One rule separates what is normalized from what is rejected: a value is changed only where every client would have read the
// original in exactly that way.
package endpoint

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Endpoint is the public half of a kubeconfig's current context: enough to dial a spoke, not enough to get in.
type Endpoint struct {
	// Server is an absolute https URL with an explicit port; an IPv6 address stands in brackets.
	Server string `json:"server"`
	// CertificateAuthorityData is the PEM bundle that vouches for the server: CERTIFICATE blocks and nothing else. Empty
	// means the system's roots, and is not an error: ROSA's servers, for example, have certificates of a public authority.
	CertificateAuthorityData []byte `json:"certificateAuthorityData,omitempty"`
	// ProxyURL is the http, https or socks5 proxy in front of the server; empty for none.
	ProxyURL string `json:"proxyURL,omitempty"`
	// TLSServerName is the name to check the server's certificate against, where it is not the server's host.
	TLSServerName string `json:"tlsServerName,omitempty"`
	// InsecureSkipTLSVerify says that the server's certificate is not checked at all.
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty"`
}

// Digest identifies an endpoint: equal endpoints have one digest, and others different ones.
func (e Endpoint) Digest() string {
	raw, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("endpoint: an endpoint that cannot be encoded: %v", err))
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(raw))
}

// Parse returns the endpoint of the current context of a kubeconfig. Its only error is a *RejectedError. One that says
// EndpointUsable comes with the endpoint.
func Parse(raw []byte) (Endpoint, error) {
	config, err := Load(raw)
	if err != nil {
		return Endpoint{}, err
	}
	cluster, err := currentCluster(config)
	if err != nil {
		return Endpoint{}, err
	}
	found, err := endpoint(cluster)
	if err != nil {
		return Endpoint{}, err
	}
	if rejected := unreadable(config); rejected != nil {
		rejected.EndpointUsable = true
		return found, rejected
	}
	return found, nil
}

func currentCluster(config *clientcmdapi.Config) (*clientcmdapi.Cluster, error) {
	name := config.CurrentContext
	if name == "" {
		return nil, reject(NoCurrentContext, "current-context: not set")
	}
	context := config.Contexts[name]
	if context == nil {
		return nil, reject(NoCurrentContext, "current-context: there is no context %q", quotable(name))
	}
	cluster := config.Clusters[context.Cluster]
	if cluster == nil {
		return nil, reject(NoCurrentContext, "contexts[%s].cluster: there is no cluster %q", quotable(name), quotable(context.Cluster))
	}
	return cluster, nil
}

func endpoint(cluster *clientcmdapi.Cluster) (Endpoint, error) {
	if cluster.CertificateAuthority != "" {
		return Endpoint{}, reject(FileReference, "cluster.certificate-authority: names a file; use certificate-authority-data")
	}
	if len(cluster.CertificateAuthorityData) > 0 && cluster.InsecureSkipTLSVerify {
		return Endpoint{}, reject(InvalidCA, "cluster.insecure-skip-tls-verify: clients refuse it together with certificate-authority-data")
	}
	if err := checkProxy(cluster.ProxyURL); err != nil {
		return Endpoint{}, err
	}
	out, err := NewEndpoint(cluster.Server, cluster.CertificateAuthorityData, cluster.TLSServerName)
	out.ProxyURL, out.InsecureSkipTLSVerify = cluster.ProxyURL, cluster.InsecureSkipTLSVerify
	return out, err
}

// NewEndpoint checks and normalizes an endpoint that does not come from a kubeconfig by the rules for one that does.
func NewEndpoint(server string, certificateAuthority []byte, tlsServerName string) (Endpoint, error) {
	server, err := parseServer(server)
	if err != nil {
		return Endpoint{}, err
	}
	if err := checkTLSServerName(tlsServerName); err != nil {
		return Endpoint{}, err
	}
	ca, err := certificates(certificateAuthority)
	if err != nil {
		return Endpoint{}, err
	}
	return Endpoint{Server: server, CertificateAuthorityData: ca, TLSServerName: tlsServerName}, nil
}
