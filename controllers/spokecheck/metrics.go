// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

// metrics measures how long probes take. There are none of single spokes, because fleets have thousands; SpokeChecks have that.
type metrics struct{ steps *prometheus.HistogramVec }

func newMetrics() *metrics {
	return &metrics{steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "capi_inventory_consumer_probe_step_seconds",
		Help: "How long each step of a probe took, by access provider: plugin (unless the credential was cached), resolve, connect, " +
			"proxy-tls, proxy, tls, readyz, version, whoami, permissions, identity.",
		// From a spoke in the same rack to the longest useful timeout.
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"step", "provider"})}
}

func (m *metrics) observe(result *spoke.Result) {
	for _, step := range result.Steps {
		m.steps.WithLabelValues(step.Name, result.Provider).Observe(step.Took.Seconds())
	}
}

var (
	spokesMetric = prometheus.NewDesc("capi_inventory_consumer_spokes",
		"Spokes by the reason of their last probe; Pending for those not yet probed.", []string{"reason"}, nil)
	ageMetric = prometheus.NewDesc("capi_inventory_consumer_oldest_probe_age_seconds",
		"Seconds since the probe of the spoke that was not probed for longest; only a spoke whose plugin fails, or whose credentials "+
			"are refused, is probed less often than every interval.", nil, nil)
	expiryMetric = prometheus.NewDesc("capi_inventory_consumer_expiry_timestamp_seconds",
		"When the first of a kind (ServingCertificate, CertificateAuthority, ClientCertificate, Token) expires, of all spokes, "+
			"in seconds since 1970; it may be past.",
		[]string{"kind"}, nil)
)

// Describe implements prometheus.Collector.
func (s *scheduler) Describe(descriptions chan<- *prometheus.Desc) {
	s.metrics.steps.Describe(descriptions)
	descriptions <- spokesMetric
	descriptions <- ageMetric
	descriptions <- expiryMetric
}

// Collect implements prometheus.Collector. The spokes are counted at each scrape.
func (s *scheduler) Collect(collected chan<- prometheus.Metric) {
	s.metrics.steps.Collect(collected)
	byReason, oldest, expiries := s.stats()
	for reason, count := range byReason {
		collected <- prometheus.MustNewConstMetric(spokesMetric, prometheus.GaugeValue, float64(count), reason)
	}
	collected <- prometheus.MustNewConstMetric(ageMetric, prometheus.GaugeValue, oldest.Seconds())
	for kind, at := range expiries {
		collected <- prometheus.MustNewConstMetric(expiryMetric, prometheus.GaugeValue, float64(at.Unix()), string(kind))
	}
}

// stats counts the spokes by reason, and returns the age of the oldest last probe and the first expiry of each kind.
func (s *scheduler) stats() (byReason map[string]int, oldest time.Duration, first map[v1alpha1.ExpiringKind]time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byReason, first = map[string]int{}, map[v1alpha1.ExpiringKind]time.Time{}
	for _, tracked := range s.spokes {
		if tracked.last == nil {
			byReason["Pending"]++
			continue
		}
		byReason[tracked.last.Reason()]++
		oldest = max(oldest, s.clock.Since(tracked.last.at))
		for _, expiration := range tracked.last.expirations {
			if at, ok := first[expiration.Kind]; !ok || expiration.Time.Time.Before(at) {
				first[expiration.Kind] = expiration.Time.Time
			}
		}
	}
	return byReason, oldest, first
}
