// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/cluster-inventory-api/pkg/access"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/netaddr"
)

// Connection is how to connect to a spoke: its server, and the plugin for the credentials.
type Connection struct {
	// Provider is the name of the access provider that was chosen; set even if it cannot be used.
	Provider string
	// Server is the server of the access provider; set even if it cannot be used.
	Server string
	// Config is for the server. Its ExecProvider is the plugin to run; it must be replaced by the credentials before a client uses
	// the configuration.
	Config *rest.Config
	// Reference is the Secret on the hub that the profile makes the plugin read, set even if that is not permitted; nil if the
	// profile refers to none.
	Reference *Reference
	// Note is what other readers of the profile may handle differently.
	Note string
}

// Connection returns how to connect to the spoke of a profile: by the first provider of the file that the profile offers, as upstream's
// library chooses. The error is a *failure.Error; the Connection then has what was found before it.
func (p *Providers) Connection(profile *inventoryv1alpha1.ClusterProfile) (Connection, error) {
	provider, offer, err := p.choose(profile)
	if err != nil {
		return Connection{}, err
	}
	connection := Connection{Provider: offer.Name, Server: redacted(offer.Cluster.Server), Note: p.note(&offer.Cluster)}
	if err := checkServer(offer.Cluster.Server, p.options.AllowLocalServers); err != nil {
		return connection, err
	}
	proxy, err := checkProxy(offer.Cluster.ProxyURL, p.options.AllowLocalServers)
	if err != nil {
		return connection, err
	}
	if err := checkCertificates(offer.Cluster.CertificateAuthorityData); err != nil {
		return connection, err
	}
	if offer.Cluster.Extensions, err = extensions(provider, offer.Cluster.Extensions); err != nil {
		return connection, err
	}
	if connection.Reference, err = p.options.References.check(profile, provider, offer); err != nil {
		return connection, err
	}
	connection.Config, err = build(&provider.Provider, offer)
	if err != nil {
		return connection, failure.New(v1alpha1.ReasonInvalidAccess, "The access provider %s cannot be used: %s", offer.Name, err)
	}
	connection.Config.Proxy = proxy
	if p.options.HonorTLSFields {
		connection.Config.ServerName = offer.Cluster.TLSServerName
		connection.Config.Insecure = offer.Cluster.InsecureSkipTLSVerify
	}
	return connection, nil
}

// choose returns deep copies of the first provider of the file that the profile offers and of that offer. The deprecated
// credentialProviders count if accessProviders has none of that name.
func (p *Providers) choose(profile *inventoryv1alpha1.ClusterProfile) (*provider, *inventoryv1alpha1.AccessProvider, error) {
	offers := slices.Concat(profile.Status.AccessProviders, profile.Status.CredentialProviders)
	for _, provider := range p.providers {
		for i := range offers {
			if offers[i].Name == provider.Name {
				provider.ExecConfig = provider.ExecConfig.DeepCopy()
				return &provider, offers[i].DeepCopy(), nil
			}
		}
	}
	if len(offers) == 0 {
		return nil, nil, failure.New(v1alpha1.ReasonNoAccessProvider, "The profile offers no access provider; its cluster "+
			"manager has not published how to reach the cluster")
	}
	return nil, nil, failure.New(v1alpha1.ReasonNoAccessProvider, "The profile offers %s, and the provider file knows "+
		"only %s; add one of the former to the file", offered(offers), p.known())
}

// build calls upstream's library with one provider and one offer, both copies that it may write to.
func build(provider *access.Provider, offer *inventoryv1alpha1.AccessProvider) (*rest.Config, error) {
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{*offer}
	config, err := access.New([]access.Provider{*provider}).BuildConfigFromCP(profile)
	if err != nil {
		return nil, err
	}
	// The library iterates over a map, so the same profile would otherwise give another environment every time.
	slices.SortFunc(config.ExecProvider.Env, func(a, b clientcmdapi.ExecEnvVar) int { return cmp.Compare(a.Name, b.Name) })
	config.ExecProvider.InstallHint = provider.ExecConfig.InstallHint
	return config, nil
}

func (p *Providers) note(cluster *clientcmdv1.Cluster) string {
	switch {
	case cluster.TLSServerName == "" && !cluster.InsecureSkipTLSVerify:
		return ""
	case p.options.HonorTLSFields:
		return "the profile sets tls-server-name or insecure-skip-tls-verify, which readers built on v0.1.3 of cluster-inventory-api drop"
	default:
		return "tls-server-name and insecure-skip-tls-verify of the profile were not used; --honor-tls-fields would"
	}
}

// maxServer is the longest server URL, in bytes, that v1alpha2 of ClusterProfile accepts.
const maxServer = 2048

func checkServer(raw string, allowLocal bool) error {
	if raw == "" {
		return failure.New(v1alpha1.ReasonInvalidAccess, "The access provider names no server")
	}
	u, err := url.Parse(raw)
	switch {
	case len(raw) > maxServer:
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server has %d bytes; at most %d are allowed", len(raw), maxServer)
	case err != nil || u.Hostname() == "":
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server %q is not an absolute https URL with a host", redacted(raw))
	case u.Scheme != "https":
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server %q has the scheme %q; "+
			"credentials travel over https only", redacted(raw), u.Scheme)
	case u.User != nil:
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server carries a user name or password, which a profile must not")
	case !allowLocal && netaddr.IsLocalHost(u.Hostname()):
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server %q is on a loopback, link-local or metadata address, "+
			"which is another machine for every reader; --allow-local-servers permits it", raw)
	}
	return nil
}

// redacted returns a server without a user name and password, bounded in length.
func redacted(raw string) string { return printable.Line(printable.WithoutUserInfo(raw), maxServer) }

// checkProxy returns nil if the profile has no proxy: nil means the proxy of the environment, as the field is documented, although
// the library would dial directly.
func checkProxy(raw string, allowLocal bool) (func(*http.Request) (*url.URL, error), error) {
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The proxy-url is not an absolute URL with a host")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The proxy-url has the scheme %q; only http, https "+
			"and socks5 are supported", u.Scheme)
	case !allowLocal && netaddr.IsLocalHost(u.Hostname()):
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The proxy-url is on a loopback, link-local or metadata "+
			"address; --allow-local-servers permits it")
	}
	return http.ProxyURL(u), nil
}
