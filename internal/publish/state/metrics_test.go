// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

func TestLatency(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	latency, err := state.NewLatency(clock, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if since := latency.Dequeued(c1); !since.IsZero() {
		t.Errorf("a Cluster without an event waits since %s", since)
	}
	first := clock.Now()
	latency.Enqueued(c1)
	clock.Step(time.Second)
	latency.Enqueued(c1)
	since := latency.Dequeued(c1)
	if !since.Equal(first) {
		t.Errorf("it waits since its first event, not since %s", since)
	}
	if again := latency.Dequeued(c1); !again.IsZero() {
		t.Errorf("a Cluster that was dequeued waits since %s", again)
	}
	latency.Enqueued(c1)
	latency.Requeued(c1, since)
	if got := latency.Dequeued(c1); !got.Equal(first) {
		t.Errorf("a Cluster that failed waits since its first event, not since %s", got)
	}
}

func TestLatencyIsRegisteredOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	clock := clocktesting.NewFakeClock(time.Now())
	if _, err := state.NewLatency(clock, registry); err != nil {
		t.Fatal(err)
	}
	if _, err := state.NewLatency(clock, registry); err == nil {
		t.Error("a second one overwrites the first one")
	}
}
