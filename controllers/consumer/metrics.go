// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/capi-inventory/capi-inventory/internal/observe"
)

// metrics counts what probes took. They say nothing of single spokes: a fleet of thousands would drown the one who reads
// them, and the SpokeChecks say it.
type metrics struct{ steps *prometheus.HistogramVec }

func newMetrics() *metrics {
	return &metrics{steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "capi_inventory_consumer_probe_step_seconds",
		Help: "How long each step of a probe took, by access provider: plugin (where the credential was not remembered), resolve, connect, proxy, tls, readyz, version, whoami, permissions, identity.",
		// From a spoke in the same rack to the longest timeout that makes sense.
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"step", "provider"})}
}

func (m *metrics) probed(seen *observe.Observation) {
	for _, step := range seen.Steps {
		m.steps.WithLabelValues(step.Name, seen.Provider).Observe(step.Took.Seconds())
	}
}

var (
	spokesMetric = prometheus.NewDesc("capi_inventory_consumer_spokes",
		"Spokes by the reason of their last probe; Pending for those not yet probed.", []string{"reason"}, nil)
	ageMetric = prometheus.NewDesc("capi_inventory_consumer_oldest_probe_age_seconds",
		"Seconds since the probe of the spoke that was not probed for longest; a spoke that fails is probed at most ten intervals apart.", nil, nil)
)

// Describe implements prometheus.Collector.
func (r *rounds) Describe(descriptions chan<- *prometheus.Desc) {
	r.metrics.steps.Describe(descriptions)
	descriptions <- spokesMetric
	descriptions <- ageMetric
}

// Collect implements prometheus.Collector: what is true of all spokes is counted when somebody asks.
func (r *rounds) Collect(collected chan<- prometheus.Metric) {
	r.metrics.steps.Collect(collected)
	byReason, oldest := r.census()
	for reason, count := range byReason {
		collected <- prometheus.MustNewConstMetric(spokesMetric, prometheus.GaugeValue, float64(count), reason)
	}
	collected <- prometheus.MustNewConstMetric(ageMetric, prometheus.GaugeValue, oldest.Seconds())
}

func (r *rounds) census() (byReason map[string]int, oldest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	byReason = map[string]int{}
	for _, s := range r.spokes {
		if s.last == nil {
			byReason["Pending"]++
			continue
		}
		byReason[s.last.Reason()]++
		oldest = max(oldest, r.clock.Since(s.last.at))
	}
	return byReason, oldest
}
