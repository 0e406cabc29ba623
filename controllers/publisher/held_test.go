// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// heldWatch holds up what an API server sends about a resource: an API server under load, or a connection that is broken and
// that no client has noticed yet.
type heldWatch struct {
	hub      *testHub
	resource string
	// lists says that answers are held up before their first byte, and not only what a watch sends.
	lists bool

	mu   sync.Mutex
	gate chan struct{}
}

// holdProfiles holds up ClusterProfiles.
func (hub *testHub) holdProfiles(t *testing.T) *heldWatch {
	t.Helper()
	h := &heldWatch{hub: hub, resource: "/clusterprofiles"}
	t.Cleanup(h.release)
	return h
}

// config is a connection to the hub through which the resource can be held up.
func (h *heldWatch) config() *rest.Config {
	config := h.hub.Config()
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			concerned := request.Method == http.MethodGet && strings.HasSuffix(request.URL.Path, h.resource)
			if concerned && h.lists {
				if err := h.wait(request); err != nil {
					return nil, err
				}
			}
			response, err := next.RoundTrip(request)
			if err == nil && concerned {
				response.Body = heldBody{ReadCloser: response.Body, request: request, of: h}
			}
			return response, err
		})
	})
	return config
}

func (h *heldWatch) hold() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gate == nil {
		h.gate = make(chan struct{})
	}
}

func (h *heldWatch) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gate != nil {
		close(h.gate)
		h.gate = nil
	}
}

func (h *heldWatch) wait(request *http.Request) error {
	h.mu.Lock()
	gate := h.gate
	h.mu.Unlock()
	if gate == nil {
		return nil
	}
	select {
	case <-gate:
		return nil
	case <-request.Context().Done():
		return request.Context().Err()
	}
}

type heldBody struct {
	io.ReadCloser
	request *http.Request
	of      *heldWatch
}

func (b heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if held := b.of.wait(b.request); held != nil {
		return 0, held
	}
	return n, err
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }
