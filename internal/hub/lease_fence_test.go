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
func TestFence(t *testing.T) { testFence(t, "") }

// A hub behind a proxy has a path of its own.
func TestFenceOfAHubAtAPath(t *testing.T) { testFence(t, "/k8s/clusters/local") }

func testFence(t *testing.T, hub string) {
	t.Helper()
	lease := hub + "/apis/coordination.k8s.io/v1/namespaces/system/leases/publisher"
	profile := hub + "/apis/multicluster.x-k8s.io/v1alpha1/namespaces/fleet/clusterprofiles/c1"
	review := hub + "/apis/authentication.k8s.io/v1/tokenreviews"
	clock := clocktesting.NewFakeClock(time.Now())
	status := http.StatusOK
	program := NewFence(clock)
	server := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: http.NoBody}, nil
	})
	leases, others := program.Hub(server), program.Hub(server)
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
		{why: "it may read the Lease", method: http.MethodGet, path: lease, after: 15 * time.Second},
		{why: "the Lease is another's to take", method: http.MethodPut, path: lease, refused: true},
		{why: "it never leads again", method: http.MethodPatch, path: profile, refused: true},
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

// A Lease on a spoke is not the one by which a program leads, and a spoke's server may have any path.
func TestFenceOfSpokes(t *testing.T) {
	const (
		lease    = "/apis/coordination.k8s.io/v1/namespaces/system/leases/broker"
		accounts = "/api/v1/namespaces/capi-inventory-x/serviceaccounts"
		review   = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
	)
	clock := clocktesting.NewFakeClock(time.Now())
	program := NewFence(clock)
	server := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})
	hub, spoke := program.Hub(server), program.Spokes(server)
	for _, step := range []struct {
		why, method, path string
		client            http.RoundTripper
		after             time.Duration
		refused           bool
	}{
		{why: "it leads", client: hub, method: http.MethodPut, path: lease},
		{why: "the Lease is new", client: spoke, method: http.MethodPost, path: accounts, after: 9 * time.Second},
		{why: "a Lease of the spoke counts for nothing", client: spoke, method: http.MethodPut, path: lease},
		{why: "the Lease of the hub is too old", client: spoke, method: http.MethodPost, path: accounts, after: time.Second, refused: true},
		{why: "a Lease of the spoke is not written", client: spoke, method: http.MethodPut, path: lease, refused: true},
		{why: "deletions too", client: spoke, method: http.MethodDelete, path: accounts + "/a", refused: true},
		{why: "a server's path may look like a review's", client: spoke, method: http.MethodPost, path: review + accounts, refused: true},
		{why: "it may read", client: spoke, method: http.MethodGet, path: accounts},
		{why: "it leads again", client: hub, method: http.MethodPut, path: lease},
		{why: "the Lease is new again", client: spoke, method: http.MethodPost, path: accounts},
	} {
		clock.Step(step.after)
		response, err := step.client.RoundTrip(httptest.NewRequest(step.method, step.path, nil))
		if refused := err != nil; refused != step.refused {
			t.Errorf("%s: refused %t: %v", step.why, refused, err)
		}
		if err == nil {
			_ = response.Body.Close()
		}
	}
}

// A program that needs no Lease writes always.
func TestNoFence(t *testing.T) {
	none := (&Flags{}).Fence()
	server := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})
	for _, client := range []http.RoundTripper{none.Hub(server), none.Spokes(server)} {
		response, err := client.RoundTrip(httptest.NewRequest(http.MethodPost, "/api/v1/namespaces", nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }
