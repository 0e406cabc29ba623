// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// metrics are those of one publisher.
type metrics struct {
	inventories inventoryGauges
	requests    *prometheus.CounterVec
	suppressed  *prometheus.CounterVec
	latency     prometheus.Histogram
}

func newMetrics() *metrics {
	return &metrics{
		inventories: inventoryGauges{inventories: map[string]inventoryFigures{}},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_inventory_writes_total",
			Help: "Writes of ClusterProfiles, by kind (profile, status, delete) and result (success, conflict, invalid, error).",
		}, []string{"kind", "result"}),
		suppressed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_inventory_suppressed_writes_total",
			Help: "Writes of ClusterProfiles left out because they would have changed nothing, by kind (profile, status).",
		}, []string{"kind"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "capi_inventory_publish_seconds",
			Help:    "Seconds from the first event about a Cluster to the profile that shows it.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, collector := range m.collectors() {
		collector.Describe(descriptions)
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(found chan<- prometheus.Metric) {
	for _, collector := range m.collectors() {
		collector.Collect(found)
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{&m.inventories, m.requests, m.suppressed, m.latency}
}

// wrote counts a write by its result.
func (m *metrics) wrote(kind string, err error) {
	result := "error"
	switch {
	case err == nil:
		result = "success"
	case apierrors.IsConflict(err):
		result = "conflict"
	case apierrors.IsInvalid(err):
		result = "invalid"
	}
	m.requests.WithLabelValues(kind, result).Inc()
}

// unchanged counts a write that was left out.
func (m *metrics) unchanged(kind string) { m.suppressed.WithLabelValues(kind).Inc() }

var (
	profilesMetric = prometheus.NewDesc("capi_inventory_profiles",
		"ClusterProfiles published, by Inventory and by the status of their condition ControlPlaneHealthy.", []string{"inventory", "healthy"}, nil)
	problemsMetric = prometheus.NewDesc("capi_inventory_problems",
		"Things that could not be published, or not in full, by Inventory and reason: "+
			"among them foreign profiles (ForeignProfile), refused kubeconfigs (Kubeconfig...) and stuck deletions (DeletionStuck).",
		[]string{"inventory", "reason"}, nil)
)

// inventoryGauges are the gauges of all Inventories. Those of one Inventory change together: a scrape never sees a part of them.
type inventoryGauges struct {
	mu          sync.Mutex
	inventories map[string]inventoryFigures
}

// inventoryFigures counts profiles by the status of their condition ControlPlaneHealthy, and problems by reason.
type inventoryFigures struct{ profiles, problems map[string]int }

func (g *inventoryGauges) set(inventory string, figures inventoryFigures) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inventories[inventory] = figures
}

func (g *inventoryGauges) forget(inventory string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.inventories, inventory)
}

// Describe implements prometheus.Collector.
func (g *inventoryGauges) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- profilesMetric
	descriptions <- problemsMetric
}

// Collect implements prometheus.Collector.
func (g *inventoryGauges) Collect(found chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for inventory, figures := range g.inventories {
		for status, n := range figures.profiles {
			found <- prometheus.MustNewConstMetric(profilesMetric, prometheus.GaugeValue, float64(n), inventory, status)
		}
		for reason, n := range figures.problems {
			found <- prometheus.MustNewConstMetric(problemsMetric, prometheus.GaugeValue, float64(n), inventory, reason)
		}
	}
}

// arrivals notes when the first event about a Cluster came that has not been dealt with.
type arrivals struct {
	clock   clock.PassiveClock
	latency prometheus.Observer

	mu    sync.Mutex
	since map[types.NamespacedName]time.Time
}

// note notes an event.
func (a *arrivals) note(cluster types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, waiting := a.since[cluster]; !waiting {
		a.since[cluster] = a.clock.Now()
	}
}

// take ends the wait of a Cluster and returns when it began; zero where no event came.
func (a *arrivals) take(cluster types.NamespacedName) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	since := a.since[cluster]
	delete(a.since, cluster)
	if len(a.since) == 0 {
		// A map keeps the size that it had at most: at the start, all Clusters.
		a.since = map[types.NamespacedName]time.Time{}
	}
	return since
}

// resume continues the wait of a Cluster that has not been dealt with yet.
func (a *arrivals) resume(cluster types.NamespacedName, since time.Time) {
	if since.IsZero() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if later, waiting := a.since[cluster]; !waiting || since.Before(later) {
		a.since[cluster] = since
	}
}

// published observes how long a change took to reach its profile.
func (a *arrivals) published(since time.Time) {
	if !since.IsZero() {
		a.latency.Observe(a.clock.Since(since).Seconds())
	}
}
