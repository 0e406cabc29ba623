// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// Latency measures how long changes take to reach their profiles: from the first event about a Cluster that has not been dealt
// with. A workqueue does not keep that time, because a Cluster that fails is added again.
type Latency struct {
	clock   clock.PassiveClock
	seconds prometheus.Histogram

	mu    sync.Mutex
	since map[types.NamespacedName]time.Time
}

// NewLatency registers the histogram of the latency.
func NewLatency(clk clock.PassiveClock, registry prometheus.Registerer) (*Latency, error) {
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "capi_inventory_publish_seconds",
		Help:    "Seconds from the first event about a Cluster to the profile that shows it.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	})
	if err := registry.Register(seconds); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	return &Latency{clock: clk, seconds: seconds, since: map[types.NamespacedName]time.Time{}}, nil
}

// Enqueued notes an event about a Cluster.
func (l *Latency) Enqueued(cluster types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, waiting := l.since[cluster]; !waiting {
		l.since[cluster] = l.clock.Now()
	}
}

// Dequeued ends the wait of a Cluster and returns when it began; zero if there was no event.
func (l *Latency) Dequeued(cluster types.NamespacedName) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	since := l.since[cluster]
	delete(l.since, cluster)
	if len(l.since) == 0 {
		// A map keeps the size that it had at most: at the start, all Clusters.
		l.since = map[types.NamespacedName]time.Time{}
	}
	return since
}

// Requeued continues the wait of a Cluster that has not been dealt with yet.
func (l *Latency) Requeued(cluster types.NamespacedName, since time.Time) {
	if since.IsZero() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if later, waiting := l.since[cluster]; !waiting || since.Before(later) {
		l.since[cluster] = since
	}
}

// Observe measures a change that has reached its profile.
func (l *Latency) Observe(since time.Time) {
	if !since.IsZero() {
		l.seconds.Observe(l.clock.Since(since).Seconds())
	}
}
