// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package remote is the broker's connection to a spoke, as the administrator whose kubeconfig Cluster API keeps: it makes a
// ServiceAccount with its rights, issues tokens, and removes all of it again.
//
// A spoke is not trusted. Every request has a deadline, every answer a size, every list a length, and nothing that was not made by the
// broker is changed or deleted. No connection outlives the Spoke, and nothing is cached.
package remote

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/netaddr"
)

// maxBody is how many bytes of an answer are read.
const maxBody = 1 << 20

// Options are those of all connections.
type Options struct {
	// Timeout bounds each request, with the connection that it may need.
	Timeout time.Duration
	// AllowLocalServers permits servers on loopback, link-local and metadata addresses.
	AllowLocalServers bool
	// UserAgent is the broker's name in the audit logs of spokes.
	UserAgent string
	// Wrap returns a transport that decides which requests are sent; nil for all.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// Spoke is a connection to a spoke. Close must be called in the end.
type Spoke struct {
	// Endpoint is where the spoke is.
	Endpoint endpoint.Endpoint
	options  Options
	client   client.Client
	idle     []*http.Transport
	// secrets are the credentials in use, which no message may quote.
	secrets []string
}

// Open returns a Spoke for a kubeconfig of its administrator. It refuses what consumers could not use: credentials from programs or
// files, which would be the broker's own. Nothing is dialled before the first request.
func Open(kubeconfig []byte, options Options) (*Spoke, error) {
	at, err := endpoint.Parse(kubeconfig)
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonKubeconfigUnusable, "%v", err)
	}
	config, err := endpoint.Load(kubeconfig)
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonKubeconfigUnusable, "it cannot be read")
	}
	if !options.AllowLocalServers && isLocal(at.Server) {
		return nil, errLocalServer
	}
	user := config.AuthInfos[config.Contexts[config.CurrentContext].AuthInfo]
	s := &Spoke{Endpoint: at, options: options}
	s.client, err = s.connect(func(c *rest.Config) {
		c.BearerToken = user.Token
		c.CertData, c.KeyData = user.ClientCertificateData, user.ClientKeyData
	})
	if err != nil {
		return nil, err
	}
	if user.Token != "" {
		s.secrets = append(s.secrets, user.Token)
	}
	return s, nil
}

// Close ends the connections.
func (s *Spoke) Close() {
	for _, transport := range s.idle {
		transport.CloseIdleConnections()
	}
}

// connect returns a client of the spoke with credentials. The transport is our own: client-go keeps those that it makes forever.
func (s *Spoke) connect(authenticate func(*rest.Config)) (client.Client, error) {
	config := &rest.Config{
		Host:      s.Endpoint.Server,
		UserAgent: s.options.UserAgent,
		QPS:       -1,
		TLSClientConfig: rest.TLSClientConfig{
			CAData:     s.Endpoint.CertificateAuthorityData,
			ServerName: s.Endpoint.TLSServerName,
			Insecure:   s.Endpoint.InsecureSkipTLSVerify,
		},
	}
	authenticate(config)
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonKubeconfigUnusable, "its certificates cannot be used")
	}
	transport := &http.Transport{
		DialContext:           s.dialer().DialContext,
		Proxy:                 s.proxy(),
		TLSClientConfig:       tlsConfig,
		TLSHandshakeTimeout:   s.options.Timeout,
		ResponseHeaderTimeout: s.options.Timeout,
		MaxIdleConnsPerHost:   1,
	}
	config.Wrap(s.options.Wrap)
	authenticated, err := rest.HTTPWrappersForConfig(config, bounded{transport})
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonKubeconfigUnusable, "its credentials cannot be used")
	}
	s.idle = append(s.idle, transport)
	made, err := client.New(config, client.Options{
		HTTPClient: &http.Client{Transport: authenticated, Timeout: s.options.Timeout, CheckRedirect: refuseRedirect},
		Scheme:     scheme,
		Mapper:     mapper,
	})
	if err != nil {
		return nil, fmt.Errorf("making a client of a spoke: %w", err)
	}
	return made, nil
}

var errLocalServer = failure.New(v1alpha1.ReasonKubeconfigUnusable, "its server is at a loopback, link-local or metadata address, "+
	"which is another machine for every reader; --allow-local-servers permits it")

// isLocal reports whether the address in a server is local. The dialer would not notice where a proxy is before it.
func isLocal(server string) bool {
	u, err := url.Parse(server)
	return err == nil && netaddr.IsLocalHost(u.Hostname())
}

// dialer refuses local addresses: a tenant who may write a kubeconfig Secret must not have the broker dial itself.
func (s *Spoke) dialer() *net.Dialer {
	dialer := &net.Dialer{Timeout: s.options.Timeout}
	if !s.options.AllowLocalServers {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || netaddr.IsLocal(to.Addr()) {
				return errLocalServer
			}
			return nil
		}
	}
	return dialer
}

func (s *Spoke) proxy() func(*http.Request) (*url.URL, error) {
	if s.Endpoint.ProxyURL == "" {
		return http.ProxyFromEnvironment
	}
	return func(*http.Request) (*url.URL, error) { return url.Parse(s.Endpoint.ProxyURL) }
}

// refuseRedirect returns redirects as they are: an API server sends none, and credentials go to no other server.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// bounded reads no more of an answer than maxBody.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxBody)
	}
	return response, err
}

// scheme and mapper have the kinds that are used on a spoke, so that nothing is discovered there.
var (
	scheme = newScheme()
	mapper = newMapper()
)

func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, rbacv1.AddToScheme, authenticationv1.AddToScheme} {
		if err := add(s); err != nil {
			panic(fmt.Sprintf("remote: a scheme that cannot be made: %v", err))
		}
	}
	return s
}

func newMapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	m.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	m.Add(corev1.SchemeGroupVersion.WithKind("ServiceAccount"), meta.RESTScopeNamespace)
	m.Add(rbacv1.SchemeGroupVersion.WithKind("ClusterRole"), meta.RESTScopeRoot)
	m.Add(rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"), meta.RESTScopeRoot)
	m.Add(rbacv1.SchemeGroupVersion.WithKind("RoleBinding"), meta.RESTScopeNamespace)
	m.Add(authenticationv1.SchemeGroupVersion.WithKind("SelfSubjectReview"), meta.RESTScopeRoot)
	for _, version := range aboutVersions {
		m.Add(aboutKind(version), meta.RESTScopeRoot)
	}
	return m
}
