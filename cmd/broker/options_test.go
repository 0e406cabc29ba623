// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/internal/hub"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"--publisher-class", "blue", "--namespace", "fleet,edge", "--timeout", "3s"})
	if err != nil {
		t.Fatal(err)
	}
	broker := o.broker(o.Fence())
	if broker.PublisherClass != "blue" || broker.Spokes.Timeout != 3*time.Second || broker.Concurrency != 20 {
		t.Errorf("the broker runs with %+v", broker)
	}
	manager := o.manager(hub.NewScheme())
	if manager.LeaderElectionID != "capi-inventory-broker-blue" {
		t.Errorf("the Lease is %q: brokers of two classes would wait for each other", manager.LeaderElectionID)
	}
	if len(manager.Cache.DefaultNamespaces) != 2 {
		t.Errorf("the cache has the namespaces %v", manager.Cache.DefaultNamespaces)
	}
}

// A broker that no longer leads writes neither on the hub nor on spokes: one fence knows of the Lease.
func TestSpokesAreFenced(t *testing.T) {
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := clocktesting.NewFakeClock(time.Now())
	fence := hub.NewFence(now)
	spokes := o.broker(fence).Spokes
	server := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})
	send := func(client http.RoundTripper, method, path string) error {
		response, err := client.RoundTrip(httptest.NewRequest(method, path, nil))
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	if err := send(fence.Hub(server), http.MethodPut, "/apis/coordination.k8s.io/v1/namespaces/system/leases/broker"); err != nil {
		t.Fatal(err)
	}
	now.Step(time.Minute)
	if err := send(spokes.Wrap(server), http.MethodPost, "/api/v1/namespaces"); err == nil {
		t.Error("a broker whose Lease has expired writes on a spoke")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func TestParseRefuses(t *testing.T) {
	for flag, args := range map[string][]string{
		"publisher-class":        {"--publisher-class", "Not_A_Label"},
		"40 characters":          {"--publisher-class", strings.Repeat("c", 41)},
		"timeout":                {"--timeout", "1h"},
		"property-poll-interval": {"--property-poll-interval", "1ms"},
		"concurrency":            {"--concurrency", "0"},
		"namespace":              {"--namespace", "Not_A_Label"},
		"unexpected":             {"argument"},
	} {
		if _, err := parse(args); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v: got %v", args, err)
		}
	}
}
