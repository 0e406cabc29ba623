// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// A leader writes for as long as it renews its Lease, and not a moment longer.
func TestFence(t *testing.T) {
	const (
		lease   = "/apis/coordination.k8s.io/v1/namespaces/system/leases/publisher"
		profile = "/apis/multicluster.x-k8s.io/v1alpha1/namespaces/fleet/clusterprofiles/c1"
		review  = "/apis/authentication.k8s.io/v1/tokenreviews"
	)
	clock := clocktesting.NewFakeClock(time.Now())
	status := http.StatusOK
	program := &fence{clock: clock}
	server := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: http.NoBody}, nil
	})
	leases, others := program.wrap(server), program.wrap(server)
	for _, step := range []struct {
		why, method, path string
		status            int
		after             time.Duration
		refused           bool
	}{
		{why: "it has never led", method: http.MethodPatch, path: profile},
		{why: "it leads", method: http.MethodPut, path: lease},
		{why: "the Lease is new", method: http.MethodPatch, path: profile, after: 9 * time.Second},
		{why: "the renewal fails", method: http.MethodPut, path: lease, status: http.StatusConflict},
		{why: "the Lease is too old", method: http.MethodPatch, path: profile, after: time.Second, refused: true},
		{why: "deletions too", method: http.MethodDelete, path: profile, refused: true},
		{why: "it may read", method: http.MethodGet, path: profile},
		{why: "a review changes nothing", method: http.MethodPost, path: review},
		{why: "it leads again", method: http.MethodPut, path: lease},
		{why: "the Lease is new again", method: http.MethodPatch, path: profile},
	} {
		clock.Step(step.after)
		if status = step.status; status == 0 {
			status = http.StatusOK
		}
		client := others
		if step.path == lease {
			client = leases
		}
		response, err := client.RoundTrip(httptest.NewRequest(step.method, step.path, nil))
		if refused := err != nil; refused != step.refused {
			t.Errorf("%s: refused %t: %v", step.why, refused, err)
		}
		if err == nil {
			_ = response.Body.Close()
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }
