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

// bind makes every request to the hub end with ctx. Discovery, which a client does by itself and as often as it likes, takes no
// context: without this, Ctrl-C and the patience of completions would wait for a hub that does not answer.
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

// roundTrip ends a request, and the reading of its answer, with ctx or with the request's own context.
func roundTrip(ctx context.Context, next http.RoundTripper, request *http.Request) (*http.Response, error) {
	both, cancel := context.WithCancelCause(request.Context())
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	end := func() {
		stop()
		cancel(nil)
	}
	response, err := next.RoundTrip(request.WithContext(both)) //nolint:contextcheck // it is the request's own, which also ends with ctx
	if err != nil {
		end()
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, end: sync.OnceFunc(end)}
	return response, nil
}

// body is an answer whose request has ended when it is closed.
type body struct {
	io.ReadCloser
	end func()
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
