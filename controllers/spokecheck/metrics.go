// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

// metrics counts what probes took. They say nothing of single spokes: a fleet of thousands would drown the one who reads
// them, and the SpokeChecks say it.
type metrics struct{ steps *prometheus.HistogramVec }

func newMetrics() *metrics {
	return &metrics{steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "capi_inventory_consumer_probe_step_seconds",
		Help: "How long each step of a probe took, by access provider: plugin (where the credential was not remembered), resolve, connect, proxy-tls, proxy, tls, readyz, version, whoami, permissions, identity.",
		// From a spoke in the same rack to the longest timeout that makes sense.
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"step", "provider"})}
}

func (m *metrics) probed(seen *spoke.Result) {
	for _, step := range seen.Steps {
		m.steps.WithLabelValues(step.Name, seen.Provider).Observe(step.Took.Seconds())
	}
}

var (
	spokesMetric = prometheus.NewDesc("capi_inventory_consumer_spokes",
		"Spokes by the reason of their last probe; Pending for those not yet probed.", []string{"reason"}, nil)
	ageMetric = prometheus.NewDesc("capi_inventory_consumer_oldest_probe_age_seconds",
		"Seconds since the probe of the spoke that was not probed for longest; only a spoke whose plugin fails, or whose credentials are refused, is probed less often than every interval.", nil, nil)
	expiryMetric = prometheus.NewDesc("capi_inventory_consumer_expiry_timestamp_seconds",
		"When the first certificate or token of a kind expires, of all spokes, in seconds since 1970; a past time is that of one that has expired.", []string{"kind"}, nil)
)

// Describe implements prometheus.Collector.
func (r *scheduler) Describe(descriptions chan<- *prometheus.Desc) {
	r.metrics.steps.Describe(descriptions)
	descriptions <- spokesMetric
	descriptions <- ageMetric
	descriptions <- expiryMetric
}

// Collect implements prometheus.Collector: what is true of all spokes is counted when somebody asks.
func (r *scheduler) Collect(collected chan<- prometheus.Metric) {
	r.metrics.steps.Collect(collected)
	byReason, oldest, expiries := r.stats()
	for reason, count := range byReason {
		collected <- prometheus.MustNewConstMetric(spokesMetric, prometheus.GaugeValue, float64(count), reason)
	}
	collected <- prometheus.MustNewConstMetric(ageMetric, prometheus.GaugeValue, oldest.Seconds())
	for kind, at := range expiries {
		collected <- prometheus.MustNewConstMetric(expiryMetric, prometheus.GaugeValue, float64(at.Unix()), string(kind))
	}
}

// census counts the spokes by reason, and finds the oldest last probe and the first expiry of each kind.
func (r *scheduler) stats() (byReason map[string]int, oldest time.Duration, first map[v1alpha1.ExpiringKind]time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	byReason, first = map[string]int{}, map[v1alpha1.ExpiringKind]time.Time{}
	for _, s := range r.spokes {
		if s.last == nil {
			byReason["Pending"]++
			continue
		}
		byReason[s.last.Reason()]++
		oldest = max(oldest, r.clock.Since(s.last.at))
		for _, expiration := range s.last.ends {
			if at, ok := first[expiration.Kind]; !ok || expiration.Time.Time.Before(at) {
				first[expiration.Kind] = expiration.Time.Time
			}
		}
	}
	return byReason, oldest, first
}
