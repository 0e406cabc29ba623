// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// renewDeadline is how long a leader that cannot renew its Lease goes on. It is shorter than the Lease lasts.
const renewDeadline = 10 * time.Second

// fence keeps a leader that was frozen, or that lost its connection, from writing when it comes back and another one leads: for a moment
// it does not know yet that its Lease has expired. Its writes are refused from the renewDeadline on, and not only when it notices.
type fence struct {
	clock clock.PassiveClock

	mu sync.Mutex
	// renewed is when the last renewal of the Lease that has succeeded was sent; zero for a program that has never led.
	renewed time.Time
}

// wrap returns a transport of one client; all clients of a program have one fence.
func (f *fence) wrap(next http.RoundTripper) http.RoundTripper {
	return fenced{RoundTripper: next, fence: f}
}

type fenced struct {
	http.RoundTripper
	fence *fence
}

// RoundTrip sends a request, unless it is a write of a leader whose Lease has not been renewed in time.
func (f fenced) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := f.fence.clock.Now()
	switch {
	case request.Method == http.MethodGet, isReview(request.URL.Path):
	case isLease(request.URL.Path):
		response, err := f.RoundTripper.RoundTrip(request)
		if err == nil && response.StatusCode < http.StatusMultipleChoices {
			f.fence.renew(sent)
		}
		return response, err
	case f.fence.expired(sent):
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, fmt.Errorf("not sending %s %s: the Lease has not been renewed for %s", request.Method, request.URL.Path, renewDeadline)
	}
	return f.RoundTripper.RoundTrip(request)
}

func (f *fence) renew(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed = at
}

func (f *fence) expired(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.renewed.IsZero() && now.Sub(f.renewed) >= renewDeadline
}

func isLease(path string) bool { return strings.HasPrefix(path, "/apis/coordination.k8s.io/") }

// isReview reports whether a path is of requests that are sent by POST and change nothing.
func isReview(path string) bool {
	return strings.HasPrefix(path, "/apis/authentication.k8s.io/") || strings.HasPrefix(path, "/apis/authorization.k8s.io/")
}
