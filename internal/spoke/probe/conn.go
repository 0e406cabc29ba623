// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"

	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

const (
	// maxBody is how much of a response body is read, in bytes.
	maxBody = 64 << 10
	// maxHeader is how long the header of a response may be, in bytes.
	maxHeader = 64 << 10
)

// conn is the one connection of a probe.
type conn struct {
	server    *url.URL
	token     string
	userAgent string
	transport *http.Transport
	timer     *stepTimer
	blame     diagnosis
	// security is the TLS session of the last response; nil before the first.
	security *tls.ConnectionState
}

// response is a response of a spoke. The body is truncated at maxBody.
type response struct {
	code int
	body []byte
}

// newConn prepares a connection; it is dialled by the first request.
func (p *Prober) newConn(config *rest.Config) (*conn, error) {
	server, err := url.Parse(config.Host)
	if err != nil || server.Hostname() == "" {
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The server %q is not an absolute URL with a host", config.Host)
	}
	security, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The access provider's TLS settings cannot be used: %s", err)
	}
	if security == nil {
		security = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	proxy, fromProfile := config.Proxy, config.Proxy != nil
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	via, err := proxy(&http.Request{URL: server})
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The proxy before the server cannot be used: %s", err)
	}
	c := &conn{
		server:    server,
		token:     config.BearerToken,
		userAgent: p.UserAgent,
		timer:     &stepTimer{timeout: p.Timeout},
		blame:     diagnosis{server: server, proxy: via, named: security.ServerName, ownRoots: len(config.CAData) > 0, timeout: p.Timeout},
	}
	dialer := &dialer{resolver: p.Resolver, timeout: p.Timeout, timer: c.timer, proxy: via}
	if dialer.resolver == nil {
		dialer.resolver = net.DefaultResolver
	}
	// A proxy from the environment is the administrator's choice, whatever its address.
	if !p.AllowLocalServers && (via == nil || fromProfile) {
		dialer.refuse = refuseLocal
	}
	c.transport = &http.Transport{
		Proxy:                  http.ProxyURL(hop(via)),
		OnProxyConnectResponse: c.blame.proxyAnswer,
		DialContext:            dialer.dial,
		TLSClientConfig:        security,
		MaxResponseHeaderBytes: maxHeader,
		// A compressed body could be much larger than what is read from the network.
		DisableCompression: true,
		// There is one connection with one request at a time: HTTP/2 would only add goroutines.
		Protocols: http1(),
	}
	return c, nil
}

func http1() *http.Protocols {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return protocols
}

func (c *conn) close() { c.transport.CloseIdleConnections() }

// get sends a GET request.
func (c *conn) get(ctx context.Context, step, path string) (response, error) {
	return c.do(ctx, step, http.MethodGet, path, nil)
}

// post sends an object, which the server returns with its status.
func (c *conn) post(ctx context.Context, step, path string, object any) (response, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return response{}, fmt.Errorf("encoding a request for %s: %w", path, err)
	}
	return c.do(ctx, step, http.MethodPost, path, body)
}

// do sends one request. A 401 means the same at every path: the spoke refuses the credentials.
func (c *conn) do(ctx context.Context, step, method, path string, body []byte) (response, error) {
	ctx, stop := c.timer.start(c.trace(ctx, step), step)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, method, c.server.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return response{}, failure.New(
			v1alpha1.ReasonInvalidAccess,
			"The request to the server %q cannot be made: %s",
			c.server.Redacted(),
			err,
		)
	}
	request.Header.Set("Accept", "application/json, */*")
	request.Header.Set("User-Agent", c.userAgent)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
		// All posted objects are reviews, which store nothing. With this header, net/http repeats a request on a new connection if
		// the server has closed the old one before its response, as load balancers do. An empty value is not sent.
		request.Header["Idempotency-Key"] = []string{}
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	// A transport does not follow redirects, which could send the credentials to another server.
	resp, err := c.transport.RoundTrip(request)
	if err != nil {
		return response{}, c.blame.of(err, c.timer.at(), context.Cause(ctx))
	}
	defer func() { _ = resp.Body.Close() }()
	c.security = resp.TLS
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	// A server may end its response when we close the connection at the deadline.
	if err = cmp.Or(err, context.Cause(ctx)); err != nil {
		return response{}, c.blame.of(err, c.timer.at(), context.Cause(ctx))
	}
	if resp.StatusCode == http.StatusUnauthorized {
		return response{}, failure.New(v1alpha1.ReasonUnauthorized, "The spoke refuses the credentials (401): they have "+
			"expired, were revoked, or belong to another cluster")
	}
	return response{code: resp.StatusCode, body: text}, nil
}

// trace enters the step of TLS, which the dialer does not see, and returns to the step of the request when there is a connection.
func (c *conn) trace(ctx context.Context, step string) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart: func() { c.timer.enter(StepTLS) },
		GotConn:           func(httptrace.GotConnInfo) { c.timer.enter(step) },
	})
}
