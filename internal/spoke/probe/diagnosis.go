// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// diagnosis explains why a request got no response.
type diagnosis struct {
	server, proxy *url.URL
	// named is the name that the certificate is checked against if it is not the server's host.
	named string
	// ownRoots is set if the profile has a certificate authority, so that the system's roots are not used.
	ownRoots bool
	timeout  time.Duration
}

// of returns the failure for an error of a transport during a step. cause is why the request's context ended, or nil.
func (b *diagnosis) of(err error, step string, cause error) error {
	var known *failure.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(cause, errDeadline):
		return b.timedOut(step)
	case errors.Is(cause, errTooLong):
		return b.slow(step)
	case errors.As(err, &name):
		return b.unresolved(name)
	case step == stepResolve && timedOut(err):
		return b.timedOut(step)
	case step == stepProxyTLS:
		return b.proxyHandshake(err)
	case step == stepProxy:
		return b.connect(err)
	case alert(err) != "":
		return b.alerted(alert(err))
	case step == stepTLS:
		return b.handshake(err)
	case step == stepConnect:
		return b.connect(err)
	case interrupted(err):
		return failure.New(v1alpha1.ReasonNotReady, "The API server closed the connection without an answer to %s", step)
	default:
		return failure.New(v1alpha1.ReasonNotReady, "The API server's answer to %s cannot be read: %s", step, innermost(err))
	}
}

// timedOut returns the failure of a step that reached its deadline.
func (b *diagnosis) timedOut(step string) error {
	switch step {
	case stepResolve:
		return failure.New(v1alpha1.ReasonNameNotResolved, "The name %s was not resolved within %s; is the "+
			"consumer's name server reachable?", b.dialled().Hostname(), b.timeout)
	case stepConnect:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s does not answer: no connection within %s, packets seem "+
			"to be dropped on the way", b.target(), b.timeout)
	case stepProxyTLS:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections but never answers: "+
			"no TLS handshake within %s", b.target(), b.timeout)
	case stepProxy:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections but did not connect to %s within %s",
			b.target(), b.server.Host, b.timeout)
	case stepTLS:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections but never answers: "+
			"no TLS handshake within %s", b.peer(), b.timeout)
	default:
		return failure.New(v1alpha1.ReasonNotReady, "The API server did not answer %s within %s", step, b.timeout)
	}
}

// slow returns the failure of a probe that reached its deadline although no step of it did. The step may be another one the next
// time, so it is not named.
func (b *diagnosis) slow(step string) error {
	if slices.Index(order, step) < slices.Index(order, stepReady) {
		return failure.New(v1alpha1.ReasonConnectFailed, "%s is too slow: no connection within %s", b.peer(), steps*b.timeout)
	}
	return failure.New(v1alpha1.ReasonNotReady, "The API server is too slow: it did not answer all questions within %s", steps*b.timeout)
}

// unresolved returns the failure of a look-up. It does not quote the error, which has the ports of a connection to the name server:
// they change every time.
func (b *diagnosis) unresolved(err *net.DNSError) error {
	name := b.dialled().Hostname()
	switch {
	case err.IsNotFound:
		return failure.New(v1alpha1.ReasonNameNotResolved, "The name %s does not exist where the consumer runs", name)
	case err.IsTimeout:
		return b.timedOut(stepResolve)
	case strings.Contains(err.Err, "refused"):
		return failure.New(v1alpha1.ReasonNameNotResolved, "The name %s cannot be resolved: the consumer's name "+
			"server refuses connections", name)
	default:
		return failure.New(v1alpha1.ReasonNameNotResolved, "The name %s cannot be resolved: the consumer's name server fails", name)
	}
}

func (b *diagnosis) connect(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return failure.New(v1alpha1.ReasonConnectFailed, "%s refuses connections: nothing listens there", b.target())
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return failure.New(v1alpha1.ReasonConnectFailed, "There is no route to %s", b.target())
	case interrupted(err):
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections and closes them at once", b.target())
	case timedOut(err):
		return b.timedOut(stepConnect)
	default:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s cannot be reached: %s", b.target(), innermost(err))
	}
}

func (b *diagnosis) handshake(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown) && b.ownRoots:
		return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s was signed by an authority that is not in the "+
			"profile's certificate-authority-data", b.server.Host)
	case errors.As(err, &unknown):
		return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s was signed by an authority the consumer's system "+
			"does not know, and the profile brings none", b.server.Host)
	case errors.As(err, &invalid):
		return b.invalid(invalid)
	case errors.As(err, &name):
		return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s is for %s, not for %s",
			b.server.Host, names(name.Certificate), b.expected())
	case errors.As(err, &record):
		return failure.New(v1alpha1.ReasonTLSFailed, "%s does not speak TLS", b.peer())
	case interrupted(err):
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections and closes them before TLS; a load balancer "+
			"without a server behind it does that", b.peer())
	default:
		return failure.New(v1alpha1.ReasonTLSFailed, "%s cannot agree on TLS: %s", b.peer(), innermost(err))
	}
}

// proxyHandshake returns the failure of TLS with a proxy. The proxy is not part of the spoke, and the profile has no certificate
// authority for it.
func (b *diagnosis) proxyHandshake(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return failure.New(v1alpha1.ReasonConnectFailed, "The certificate of the proxy %s was signed by an authority the "+
			"consumer's system does not know", b.proxy.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failure.New(v1alpha1.ReasonConnectFailed, "The certificate of the proxy %s is valid from %s to %s only; it "+
			"has expired, or a clock is wrong",
			b.proxy.Host, invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly))
	case errors.As(err, &name):
		return failure.New(v1alpha1.ReasonConnectFailed, "The certificate of the proxy %s is for %s, not for %s",
			b.proxy.Host, names(name.Certificate), b.proxy.Hostname())
	case timedOut(err):
		return b.timedOut(stepProxyTLS)
	default:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s cannot agree on TLS: %s", b.target(), innermost(err))
	}
}

// alerted returns the failure for a TLS alert of the server. Most alerts about certificates are about ours; with TLS 1.3 they come
// after the handshake.
func (b *diagnosis) alerted(alert string) error {
	if strings.Contains(alert, "certificate") || strings.Contains(alert, "access denied") {
		return failure.New(v1alpha1.ReasonUnauthorized, "%s refuses the client certificate, or wants one: %s", b.peer(), alert)
	}
	return failure.New(v1alpha1.ReasonTLSFailed, "%s broke off TLS: %s", b.peer(), alert)
}

func (b *diagnosis) invalid(err x509.CertificateInvalidError) error {
	if err.Reason != x509.Expired {
		return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s is not valid: %s", b.server.Host, err)
	}
	return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s is valid from %s to %s only; it has expired, or a clock is wrong",
		b.server.Host, err.Cert.NotBefore.UTC().Format(time.DateOnly), err.Cert.NotAfter.UTC().Format(time.DateOnly))
}

// proxyAnswer returns the failure for a proxy's response to CONNECT.
func (b *diagnosis) proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return failure.New(v1alpha1.ReasonConnectFailed, "%s answered %d when asked for %s", b.target(), response.StatusCode, b.server.Host)
}

// dialled returns the URL that is dialled: that of the proxy, if there is one.
func (b *diagnosis) dialled() *url.URL {
	if b.proxy != nil {
		return b.proxy
	}
	return b.server
}

// target returns what is dialled, for the beginning of a sentence.
func (b *diagnosis) target() string {
	if b.proxy != nil {
		return "The proxy " + b.proxy.Host
	}
	return "The server " + b.server.Host
}

// peer returns the other side of TLS, for the beginning of a sentence.
func (b *diagnosis) peer() string {
	if b.proxy != nil {
		return "The server " + b.server.Host + " behind the proxy " + b.proxy.Host
	}
	return b.target()
}

func (b *diagnosis) expected() string {
	if b.named != "" {
		return b.named
	}
	return b.server.Hostname()
}
