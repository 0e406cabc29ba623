// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"

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
		"Spokes by the reason of their last probe, Pending for those not yet probed; and by the status of their profile's condition "+
			"Joined (true, false, unknown): false before the cluster manager has published access, and while it removes the cluster.",
		[]string{"reason", "joined"}, nil)
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
	spokes, oldest, expiries := s.stats()
	for of, count := range spokes {
		collected <- prometheus.MustNewConstMetric(spokesMetric, prometheus.GaugeValue, float64(count), of.reason, of.joined)
	}
	collected <- prometheus.MustNewConstMetric(ageMetric, prometheus.GaugeValue, oldest.Seconds())
	for kind, at := range expiries {
		collected <- prometheus.MustNewConstMetric(expiryMetric, prometheus.GaugeValue, float64(at.Unix()), string(kind))
	}
}

// spokeLabels are those of spokesMetric.
type spokeLabels struct{ reason, joined string }

func (t *trackedSpoke) labels() spokeLabels {
	of := spokeLabels{reason: "Pending", joined: "unknown"}
	if t.last != nil {
		of.reason = t.last.Reason()
	}
	if joined := meta.FindStatusCondition(t.profile.Status.Conditions, v1alpha1.ConditionJoined); joined != nil {
		of.joined = strings.ToLower(string(joined.Status))
	}
	return of
}

// stats counts the spokes, and returns the age of the oldest last probe and the first expiry of each kind.
func (s *scheduler) stats() (counts map[spokeLabels]int, oldest time.Duration, first map[v1alpha1.ExpiringKind]time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts, first = map[spokeLabels]int{}, map[v1alpha1.ExpiringKind]time.Time{}
	for _, tracked := range s.spokes {
		counts[tracked.labels()]++
		if tracked.last == nil {
			continue
		}
		oldest = max(oldest, s.clock.Since(tracked.last.at))
		for _, expiration := range tracked.last.expirations {
			if at, ok := first[expiration.Kind]; !ok || expiration.Time.Time.Before(at) {
				first[expiration.Kind] = expiration.Time.Time
			}
		}
	}
	return counts, oldest, first
}
