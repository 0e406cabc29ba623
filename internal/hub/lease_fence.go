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

const (
	// leaseDuration is how long nobody takes a Lease that is not renewed.
	leaseDuration = 15 * time.Second
	// renewDeadline is how long a leader that cannot renew its Lease goes on.
	renewDeadline = 10 * time.Second
)

// Fence keeps a leader that was frozen, or that lost its connection, from writing when it comes back and another one leads: for a moment
// it does not know yet that its Lease has expired. Its writes are refused from the renewDeadline on, and not only when it notices; from
// the leaseDuration on those of the Lease too, for good. client-go's elector would release a Lease then that it reads at that very moment,
// which may be its successor's. All clients of a program have one Fence; nil is that of a program without a Lease, and refuses nothing.
type Fence struct {
	clock clock.PassiveClock

	mu sync.Mutex
	// renewed is when the last renewal of the Lease that has succeeded was sent; zero for a program that has never led.
	renewed time.Time
}

// NewFence returns the Fence of a program.
func NewFence(clk clock.PassiveClock) *Fence { return &Fence{clock: clk} }

// Hub returns a transport of a client of the hub, where the Lease is.
func (f *Fence) Hub(next http.RoundTripper) http.RoundTripper {
	if f == nil {
		return next
	}
	return hubFenced{RoundTripper: next, fence: f}
}

// Spokes returns a transport of a client of another cluster: a Lease there is not the one by which this program leads. Its server may have
// any path, so that a URL does not distinguish reviews from writes: only reads are sent without the Lease.
func (f *Fence) Spokes(next http.RoundTripper) http.RoundTripper {
	if f == nil {
		return next
	}
	return spokeFenced{RoundTripper: next, fence: f}
}

type hubFenced struct {
	http.RoundTripper
	fence *Fence
}

// RoundTrip sends a request, unless it is a write of a leader whose Lease has not been renewed in time.
func (h hubFenced) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := h.fence.clock.Now()
	switch {
	case isReview(request.URL.Path):
	case isLease(request.URL.Path) && request.Method != http.MethodGet:
		if err := h.fence.refusal(request, sent, leaseDuration); err != nil {
			return nil, err
		}
		response, err := h.RoundTripper.RoundTrip(request)
		if err == nil && response.StatusCode < http.StatusMultipleChoices {
			h.fence.renew(sent)
		}
		return response, err
	default:
		if err := h.fence.refusal(request, sent, renewDeadline); err != nil {
			return nil, err
		}
	}
	return h.RoundTripper.RoundTrip(request)
}

type spokeFenced struct {
	http.RoundTripper
	fence *Fence
}

// RoundTrip sends a request, unless it is anything but a read and the Lease on the hub has not been renewed in time.
func (s spokeFenced) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := s.fence.refusal(request, s.fence.clock.Now(), renewDeadline); err != nil {
		return nil, err
	}
	return s.RoundTripper.RoundTrip(request)
}

func (f *Fence) renew(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed = at
}

// refusal returns why a request is not sent; nil for a read, and until the last renewal of the Lease was so long ago.
func (f *Fence) refusal(request *http.Request, now time.Time, after time.Duration) error {
	if request.Method == http.MethodGet || !f.expired(now, after) {
		return nil
	}
	if request.Body != nil {
		_ = request.Body.Close()
	}
	return fmt.Errorf("not sending %s %s: the Lease has not been renewed for %s", request.Method, request.URL.Path, after)
}

func (f *Fence) expired(now time.Time, after time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.renewed.IsZero() && now.Sub(f.renewed) >= after
}

// isLease reports whether a path is of Leases. The hub may be behind a proxy, at a path of its own, as Rancher's clusters are.
func isLease(path string) bool { return strings.Contains(path, "/apis/coordination.k8s.io/") }

// isReview reports whether a path is of requests that are sent by POST and change nothing.
func isReview(path string) bool {
	return strings.Contains(path, "/apis/authentication.k8s.io/") || strings.Contains(path, "/apis/authorization.k8s.io/")
}
