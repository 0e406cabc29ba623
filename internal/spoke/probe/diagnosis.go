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
func (d *diagnosis) of(err error, step string, cause error) error {
	var known *failure.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(cause, errDeadline):
		return d.timedOut(step)
	case errors.Is(cause, errTooLong):
		return d.slow(step)
	case errors.As(err, &name):
		return d.unresolved(name)
	case step == StepResolve && timedOut(err):
		return d.timedOut(step)
	case step == StepProxyTLS:
		return d.proxyHandshake(err)
	case step == StepProxy:
		return d.connect(err)
	case alert(err) != "":
		return d.alerted(alert(err))
	case step == StepTLS:
		return d.handshake(err)
	case step == StepConnect:
		return d.connect(err)
	case interrupted(err):
		return failure.New(v1alpha1.ReasonNotReady, "The API server closed the connection without an answer to %s", step)
	default:
		return failure.New(v1alpha1.ReasonNotReady, "The API server's answer to %s cannot be read: %s", step, innermost(err))
	}
}

// timedOut returns the failure of a step that reached its deadline.
func (d *diagnosis) timedOut(step string) error {
	switch step {
	case StepResolve:
		return failure.New(v1alpha1.ReasonNameNotResolved, "The name %s was not resolved within %s; is the "+
			"consumer's name server reachable?", d.dialled().Hostname(), d.timeout)
	case StepConnect:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s does not answer: no connection within %s, packets seem "+
			"to be dropped on the way", d.target(), d.timeout)
	case StepProxyTLS:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections but never answers: "+
			"no TLS handshake within %s", d.target(), d.timeout)
	case StepProxy:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections but did not connect to %s within %s",
			d.target(), d.server.Host, d.timeout)
	case StepTLS:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections but never answers: "+
			"no TLS handshake within %s", d.peer(), d.timeout)
	default:
		return failure.New(v1alpha1.ReasonNotReady, "The API server did not answer %s within %s", step, d.timeout)
	}
}

// slow returns the failure of a probe that reached its deadline although no step of it did. The step may be another one the next
// time, so it is not named.
func (d *diagnosis) slow(step string) error {
	if slices.Index(order, step) < slices.Index(order, StepReady) {
		return failure.New(v1alpha1.ReasonConnectFailed, "%s is too slow: no connection within %s", d.peer(), stepTimeouts*d.timeout)
	}
	return failure.New(
		v1alpha1.ReasonNotReady,
		"The API server is too slow: it did not answer all questions within %s",
		stepTimeouts*d.timeout,
	)
}

// unresolved returns the failure of a look-up. It does not quote the error, which has the ports of a connection to the name server:
// they change every time.
func (d *diagnosis) unresolved(err *net.DNSError) error {
	name := d.dialled().Hostname()
	switch {
	case err.IsNotFound:
		return failure.New(v1alpha1.ReasonNameNotResolved, "The name %s does not exist where the consumer runs", name)
	case err.IsTimeout:
		return d.timedOut(StepResolve)
	case strings.Contains(err.Err, "refused"):
		return failure.New(v1alpha1.ReasonNameNotResolved, "The name %s cannot be resolved: the consumer's name "+
			"server refuses connections", name)
	default:
		return failure.New(v1alpha1.ReasonNameNotResolved, "The name %s cannot be resolved: the consumer's name server fails", name)
	}
}

func (d *diagnosis) connect(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return failure.New(v1alpha1.ReasonConnectFailed, "%s refuses connections: nothing listens there", d.target())
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return failure.New(v1alpha1.ReasonConnectFailed, "There is no route to %s", d.target())
	case interrupted(err):
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections and closes them at once", d.target())
	case timedOut(err):
		return d.timedOut(StepConnect)
	default:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s cannot be reached: %s", d.target(), innermost(err))
	}
}

func (d *diagnosis) handshake(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown) && d.ownRoots:
		return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s was signed by an authority that is not in the "+
			"profile's certificate-authority-data", d.server.Host)
	case errors.As(err, &unknown):
		return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s was signed by an authority the consumer's system "+
			"does not know, and the profile brings none", d.server.Host)
	case errors.As(err, &invalid):
		return d.invalid(invalid)
	case errors.As(err, &name):
		return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s is for %s, not for %s",
			d.server.Host, names(name.Certificate), d.expected())
	case errors.As(err, &record):
		return failure.New(v1alpha1.ReasonTLSFailed, "%s does not speak TLS", d.peer())
	case interrupted(err):
		return failure.New(v1alpha1.ReasonConnectFailed, "%s accepts connections and closes them before TLS; a load balancer "+
			"without a server behind it does that", d.peer())
	default:
		return failure.New(v1alpha1.ReasonTLSFailed, "%s cannot agree on TLS: %s", d.peer(), innermost(err))
	}
}

// proxyHandshake returns the failure of TLS with a proxy. The proxy is not part of the spoke, and the profile has no certificate
// authority for it.
func (d *diagnosis) proxyHandshake(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return failure.New(v1alpha1.ReasonConnectFailed, "The certificate of the proxy %s was signed by an authority the "+
			"consumer's system does not know", d.proxy.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failure.New(v1alpha1.ReasonConnectFailed, "The certificate of the proxy %s is valid from %s to %s only; it "+
			"has expired, or a clock is wrong",
			d.proxy.Host, invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly))
	case errors.As(err, &name):
		return failure.New(v1alpha1.ReasonConnectFailed, "The certificate of the proxy %s is for %s, not for %s",
			d.proxy.Host, names(name.Certificate), d.proxy.Hostname())
	case timedOut(err):
		return d.timedOut(StepProxyTLS)
	default:
		return failure.New(v1alpha1.ReasonConnectFailed, "%s cannot agree on TLS: %s", d.target(), innermost(err))
	}
}

// alerted returns the failure for a TLS alert of the server. Most alerts about certificates are about ours; with TLS 1.3 they come
// after the handshake.
func (d *diagnosis) alerted(alert string) error {
	if strings.Contains(alert, "certificate") || strings.Contains(alert, "access denied") {
		return failure.New(v1alpha1.ReasonUnauthorized, "%s refuses the client certificate, or wants one: %s", d.peer(), alert)
	}
	return failure.New(v1alpha1.ReasonTLSFailed, "%s broke off TLS: %s", d.peer(), alert)
}

func (d *diagnosis) invalid(err x509.CertificateInvalidError) error {
	if err.Reason != x509.Expired {
		return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s is not valid: %s", d.server.Host, err)
	}
	return failure.New(v1alpha1.ReasonTLSFailed, "The certificate of %s is valid from %s to %s only; it has expired, or a clock is wrong",
		d.server.Host, err.Cert.NotBefore.UTC().Format(time.DateOnly), err.Cert.NotAfter.UTC().Format(time.DateOnly))
}

// proxyAnswer returns the failure for a proxy's response to CONNECT.
func (d *diagnosis) proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return failure.New(v1alpha1.ReasonConnectFailed, "%s answered %d when asked for %s", d.target(), response.StatusCode, d.server.Host)
}

// dialled returns the URL that is dialled: that of the proxy, if there is one.
func (d *diagnosis) dialled() *url.URL {
	if d.proxy != nil {
		return d.proxy
	}
	return d.server
}

// target returns what is dialled, for the beginning of a sentence.
func (d *diagnosis) target() string {
	if d.proxy != nil {
		return "The proxy " + d.proxy.Host
	}
	return "The server " + d.server.Host
}

// peer returns the other side of TLS, for the beginning of a sentence.
func (d *diagnosis) peer() string {
	if d.proxy != nil {
		return "The server " + d.server.Host + " behind the proxy " + d.proxy.Host
	}
	return d.target()
}

func (d *diagnosis) expected() string {
	if d.named != "" {
		return d.named
	}
	return d.server.Hostname()
}
