// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/cluster-inventory-api/pkg/access"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/netaddr"
)

// Way is how to get into a spoke: where it answers, and which plugin gives the credentials.
type Connection struct {
	// Provider is the name of the access provider that was chosen; set even where the way leads nowhere.
	Provider string
	// Server is the server that the access provider names; set even where the way leads nowhere.
	Server string
	// Config dials the server. Its ExecProvider is the plugin to run; it is not to be handed to a client before the plugin's
	// answer has taken the place of it.
	Config *rest.Config
	// Reference is the Secret on the hub that the profile has the plugin read, set even where that is not permitted; nil where
	// the profile refers to none.
	Reference *Reference
	// Note is what other readers of the profile may stumble over though this one does not, or the other way round.
	Note string
}

// Way finds the way into the spoke of a profile: by the first provider of the file that the profile offers, as upstream's
// library chooses. The error is a *stage.Failure; the Way then still says how far the search got.
func (p *Providers) Connection(profile *inventoryv1alpha1.ClusterProfile) (Connection, error) {
	provider, offer, err := p.choose(profile)
	if err != nil {
		return Connection{}, err
	}
	way := Connection{Provider: offer.Name, Server: shown(offer.Cluster.Server), Note: p.note(&offer.Cluster)}
	if err := checkServer(offer.Cluster.Server, p.options.AllowLocalServers); err != nil {
		return way, err
	}
	proxy, err := checkProxy(offer.Cluster.ProxyURL, p.options.AllowLocalServers)
	if err != nil {
		return way, err
	}
	if err := checkCertificates(offer.Cluster.CertificateAuthorityData); err != nil {
		return way, err
	}
	if offer.Cluster.Extensions, err = extensions(provider, offer.Cluster.Extensions); err != nil {
		return way, err
	}
	if way.Reference, err = p.options.References.check(profile, provider, offer); err != nil {
		return way, err
	}
	way.Config, err = build(&provider.Provider, offer)
	if err != nil {
		return way, failure.New(v1alpha1.ReasonInvalidAccess, "The access provider %s cannot be used: %s", offer.Name, err)
	}
	way.Config.Proxy = proxy
	if p.options.HonorTLSFields {
		way.Config.ServerName = offer.Cluster.TLSServerName
		way.Config.Insecure = offer.Cluster.InsecureSkipTLSVerify
	}
	return way, nil
}

// choose returns deep copies of the first provider of the file that the profile offers and of that offer. The deprecated
// credentialProviders count where accessProviders has none of that name.
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
		return nil, nil, failure.New(v1alpha1.ReasonNoAccessProvider, "The profile offers no access provider; its cluster manager has not published how to reach the cluster")
	}
	return nil, nil, failure.New(v1alpha1.ReasonNoAccessProvider, "The profile offers %s, and the provider file knows only %s; add one of the former to the file", offered(offers), p.known())
}

// build asks upstream's library, which is shown one provider and one offer, both copies that it may write to.
func build(provider *access.Provider, offer *inventoryv1alpha1.AccessProvider) (*rest.Config, error) {
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{*offer}
	config, err := access.New([]access.Provider{*provider}).BuildConfigFromCP(profile)
	if err != nil {
		return nil, err
	}
	// The library walks a map, so the same profile would otherwise give another environment every time.
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
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server %q is not an absolute https URL with a host", shown(raw))
	case u.Scheme != "https":
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server %q has the scheme %q; credentials travel over https only", shown(raw), u.Scheme)
	case u.User != nil:
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server carries a user name or password, which a profile must not")
	case !allowLocal && local(u):
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server %q is on a loopback, link-local or metadata address, which means another machine to every reader; --allow-local-servers permits it", raw)
	}
	return nil
}

// shown is a server as it may be published again: without a user name and password.
func shown(raw string) string {
	if at := strings.LastIndexByte(raw, '@'); at >= 0 {
		raw = "…" + raw[at:]
	}
	return failure.Printable(raw, maxServer)
}

// checkProxy returns nil where the profile names no proxy: nil means the proxy of the environment, as the field's
// documentation has it, where the library would dial directly.
func checkProxy(raw string, allowLocal bool) (func(*http.Request) (*url.URL, error), error) {
	if raw == "" {
		return nil, nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The proxy-url is not an absolute URL with a host")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The proxy-url has the scheme %q; only http, https and socks5 are supported", u.Scheme)
	case !allowLocal && local(u):
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The proxy-url is on a loopback, link-local or metadata address; --allow-local-servers permits it")
	}
	return http.ProxyURL(u), nil
}

// local tells by the address in the URL alone; a name is looked at when it has been resolved, by whoever dials.
func local(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && netaddr.IsLocal(addr)
}
