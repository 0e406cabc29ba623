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
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	gauges = &inventoryGauges{
		inventories: map[string]inventoryFigures{},
		profiles: prometheus.NewDesc("capi_inventory_profiles",
			"ClusterProfiles published, by Inventory and by the status of their condition ControlPlaneHealthy.", []string{"inventory", "healthy"}, nil),
		problems: prometheus.NewDesc("capi_inventory_problems",
			"Things that could not be published, or not in full, by Inventory and reason: among them foreign profiles (ForeignProfile), refused kubeconfigs (Kubeconfig...) and stuck deletions (DeletionStuck).", []string{"inventory", "reason"}, nil),
	}
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "capi_inventory_writes_total",
		Help: "Writes of ClusterProfiles, by kind (profile, status, delete) and result (success, conflict, invalid, error).",
	}, []string{"kind", "result"})
	suppressed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "capi_inventory_suppressed_writes_total",
		Help: "Writes of ClusterProfiles left out because they would have changed nothing, by kind (profile, status).",
	}, []string{"kind"})
	latency = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "capi_inventory_publish_seconds",
		Help:    "Seconds from the first event about a Cluster to the profile that shows it.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	})
)

func init() {
	metrics.Registry.MustRegister(gauges, requests, suppressed, latency)
}

// inventoryGauges are the gauges of all Inventories. Those of one Inventory change together: a scrape never sees a part of them.
type inventoryGauges struct {
	profiles, problems *prometheus.Desc

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
	descriptions <- g.profiles
	descriptions <- g.problems
}

// Collect implements prometheus.Collector.
func (g *inventoryGauges) Collect(found chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for inventory, figures := range g.inventories {
		for status, n := range figures.profiles {
			found <- prometheus.MustNewConstMetric(g.profiles, prometheus.GaugeValue, float64(n), inventory, status)
		}
		for reason, n := range figures.problems {
			found <- prometheus.MustNewConstMetric(g.problems, prometheus.GaugeValue, float64(n), inventory, reason)
		}
	}
}

// count counts a write by its result.
func count(kind string, err error) {
	result := "error"
	switch {
	case err == nil:
		result = "success"
	case apierrors.IsConflict(err):
		result = "conflict"
	case apierrors.IsInvalid(err):
		result = "invalid"
	}
	requests.WithLabelValues(kind, result).Inc()
}

// arrivals notes when the first event about a Cluster came that has not been dealt with.
type arrivals struct {
	clock clock.PassiveClock

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
		latency.Observe(a.clock.Since(since).Seconds())
	}
}
