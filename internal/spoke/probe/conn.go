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
	// maxBody is how much of an answer is read, in bytes.
	maxBody = 64 << 10
	// maxHeader is how long the header of an answer may be, in bytes.
	maxHeader = 64 << 10
)

// line is the one connection of a probe.
type conn struct {
	server    *url.URL
	token     string
	userAgent string
	transport *http.Transport
	watch     *stepTimer
	blame     diagnosis
	// security is the TLS session of the last answer; nil before the first.
	security *tls.ConnectionState
}

// answer is what a spoke said: the body is cut off at maxBody.
type answer struct {
	code int
	body []byte
}

// open prepares the line; nothing is dialled before the first question.
func (p *Prober) open(config *rest.Config) (*conn, error) {
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
	l := &conn{
		server:    server,
		token:     config.BearerToken,
		userAgent: p.UserAgent,
		watch:     &stepTimer{timeout: p.Timeout},
		blame:     diagnosis{server: server, proxy: via, named: security.ServerName, ownRoots: len(config.CAData) > 0, timeout: p.Timeout},
	}
	dialer := &dialer{resolver: p.Resolver, timeout: p.Timeout, watch: l.watch, proxy: via}
	if dialer.resolver == nil {
		dialer.resolver = net.DefaultResolver
	}
	// A proxy from the environment is the administrator's choice, wherever it stands.
	if !p.AllowLocalServers && (via == nil || fromProfile) {
		dialer.refuse = refuseLocal
	}
	l.transport = &http.Transport{
		Proxy:                  http.ProxyURL(hop(via)),
		OnProxyConnectResponse: l.blame.proxyAnswer,
		DialContext:            dialer.dial,
		TLSClientConfig:        security,
		MaxResponseHeaderBytes: maxHeader,
		// A body that unpacks to more than it weighs is nothing to wait for.
		DisableCompression: true,
		// One spoke, one connection, one question at a time: HTTP/2 would add goroutines and nothing else.
		Protocols: http1(),
	}
	return l, nil
}

func http1() *http.Protocols {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return protocols
}

func (l *conn) close() { l.transport.CloseIdleConnections() }

// get asks for a path of the server.
func (l *conn) get(ctx context.Context, step, path string) (answer, error) {
	return l.ask(ctx, step, http.MethodGet, path, nil)
}

// post hands the server an object, which it returns with its answer in it.
func (l *conn) post(ctx context.Context, step, path string, object any) (answer, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return answer{}, fmt.Errorf("writing a question for %s: %w", path, err)
	}
	return l.ask(ctx, step, http.MethodPost, path, body)
}

// ask puts one question, and answers for the spoke where it refuses the credentials: a 401 means the same at every path.
func (l *conn) ask(ctx context.Context, step, method, path string, body []byte) (answer, error) {
	ctx, stop := l.watch.start(l.trace(ctx, step), step)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, method, l.server.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return answer{}, failure.New(v1alpha1.ReasonInvalidAccess, "The server %q cannot be asked: %s", l.server.Redacted(), err)
	}
	request.Header.Set("Accept", "application/json, */*")
	request.Header.Set("User-Agent", l.userAgent)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
		// All that is posted are reviews, which store nothing. net/http then repeats one on a fresh connection where the
		// server has closed the old one before an answer, as load balancers do. An empty value is not sent.
		request.Header["Idempotency-Key"] = []string{}
	}
	if l.token != "" {
		request.Header.Set("Authorization", "Bearer "+l.token)
	}
	// A transport follows no redirects: they could lead the credentials elsewhere.
	response, err := l.transport.RoundTrip(request)
	if err != nil {
		return answer{}, l.blame.of(err, l.watch.at(), context.Cause(ctx))
	}
	defer func() { _ = response.Body.Close() }()
	l.security = response.TLS
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	// A server that sees us hang up at the deadline may still get to end its answer.
	if err = cmp.Or(err, context.Cause(ctx)); err != nil {
		return answer{}, l.blame.of(err, l.watch.at(), context.Cause(ctx))
	}
	if response.StatusCode == http.StatusUnauthorized {
		return answer{}, failure.New(v1alpha1.ReasonUnauthorized, "The spoke refuses the credentials (401): they have expired, were revoked, or belong to another cluster")
	}
	return answer{code: response.StatusCode, body: text}, nil
}

// trace follows a request on its way to the spoke, where the dialer does not, and returns to the request's own step when the connection stands.
func (l *conn) trace(ctx context.Context, step string) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart: func() { l.watch.enter(stepTLS) },
		GotConn:           func(httptrace.GotConnInfo) { l.watch.enter(step) },
	})
}
