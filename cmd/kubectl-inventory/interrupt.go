// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net/http"
	"sync"

	"k8s.io/client-go/rest"
)

// bind cancels every request to the hub when ctx ends. Discovery takes no context: without this, Ctrl-C and the timeout of completions
// would wait for a hub that does not answer.
func (o *options) bind(ctx context.Context) {
	o.config.WrapConfigFn = func(config *rest.Config) *rest.Config {
		config = rest.CopyConfig(config)
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) { return roundTrip(ctx, next, request) })
		})
		return config
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// roundTrip sends a request, which is cancelled with ctx or with its own context until its response is read.
func roundTrip(ctx context.Context, next http.RoundTripper, request *http.Request) (*http.Response, error) {
	// AfterFunc cancels in a goroutine of its own, which may run only after the request was sent.
	if ctx.Err() != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, context.Cause(ctx)
	}
	both, cancel := context.WithCancelCause(request.Context())
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	end := func() {
		stop()
		cancel(nil)
	}
	response, err := next.RoundTrip(request.WithContext(both)) //nolint:contextcheck // the request's own context, also cancelled with ctx
	if err != nil {
		end()
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, end: sync.OnceFunc(end)}
	return response, nil
}

// body is the body of a response; closing it releases the request's context.
type body struct {
	io.ReadCloser
	end func()
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
