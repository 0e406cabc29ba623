// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
)

// metrics count what the broker does, and show the state of all grants as the cache has it at a scrape.
type metrics struct {
	issued   prometheus.Counter
	failures *prometheus.CounterVec
	// importFailures count looks at ClusterProperties.
	importFailures *prometheus.CounterVec
}

func newMetrics(options Options, cached client.Reader) (*metrics, error) {
	m := &metrics{
		issued: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "capi_inventory_broker_tokens_issued_total",
			Help: "Tokens that spokes have issued and accepted. Normal: about three in each tokenTTL for each grant.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_inventory_broker_failures_total",
			Help: "Attempts to fulfil or revoke an AccessGrant that failed, by the reason of its condition Degraded.",
		}, []string{"reason"}),
		importFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_inventory_broker_import_failures_total",
			Help: "Attempts to publish the ClusterProperties of a spoke that failed, by the reason of the condition PropertiesImported.",
		}, []string{"reason"}),
	}
	gauges := &fleet{cached: cached, serves: options.serves, clock: options.Clock}
	for _, collector := range []prometheus.Collector{m.issued, m.failures, m.importFailures, gauges} {
		if err := options.Metrics.Register(collector); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) failed(reason string) { m.failures.WithLabelValues(reason).Inc() }

// fleet collects the gauges, of the grants that the broker serves.
type fleet struct {
	cached client.Reader
	serves func(*v1alpha1.AccessGrant) bool
	clock  clock.PassiveClock
}

var (
	grantsMetric = prometheus.NewDesc("capi_inventory_broker_grants",
		"AccessGrants that are not being deleted, by whether their token is accepted (true, false).", []string{"ready"}, nil)
	degradedMetric = prometheus.NewDesc("capi_inventory_broker_degraded_grants",
		"AccessGrants whose next step fails, by the reason of their condition Degraded.", []string{"reason"}, nil)
	pendingMetric = prometheus.NewDesc("capi_inventory_broker_revocations_pending",
		"AccessGrants that are deleted and whose spoke still has what was made for them.", nil, nil)
	expiringMetric = prometheus.NewDesc("capi_inventory_broker_expiring_grants",
		"AccessGrants whose token is accepted and expires within an hour, or within a sixth of its life where that is less. "+
			"Normal: 0, because a token is renewed when a third of its life is over.", nil, nil)
	earliestMetric = prometheus.NewDesc("capi_inventory_broker_earliest_expiration_timestamp_seconds",
		"When the first of the tokens that are accepted expires, in seconds since 1970; 0 if there is none. "+
			"Normal: at least two thirds of tokenTTL away.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f *fleet) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{grantsMetric, degradedMetric, pendingMetric, expiringMetric, earliestMetric} {
		descriptions <- description
	}
}

// Collect implements prometheus.Collector.
func (f *fleet) Collect(to chan<- prometheus.Metric) {
	var list v1alpha1.AccessGrantList
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := f.cached.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		to <- prometheus.NewInvalidMetric(grantsMetric, err)
		return
	}
	counted := f.count(list.Items)
	gauge := func(description *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
	}
	gauge(grantsMetric, counted.ready, "true")
	gauge(grantsMetric, counted.other, "false")
	for reason, count := range counted.degraded {
		gauge(degradedMetric, count, reason)
	}
	gauge(pendingMetric, counted.pending)
	gauge(expiringMetric, counted.expiring)
	gauge(earliestMetric, counted.earliest)
}

// counts are the values of the gauges.
type counts struct {
	ready, other, pending, expiring float64
	// earliest is in seconds since 1970.
	earliest float64
	degraded map[string]float64
}

func (f *fleet) count(grants []v1alpha1.AccessGrant) counts {
	counted := counts{degraded: map[string]float64{}}
	for i := range grants {
		of := &grants[i]
		switch {
		case !f.serves(of):
			continue
		case !of.DeletionTimestamp.IsZero():
			counted.pending++
			continue
		case isReady(of):
			counted.addReady(of, f.clock.Now())
		default:
			counted.other++
		}
		if isDegraded(of) {
			counted.degraded[reasonOf(of, v1alpha1.ConditionDegraded)]++
		}
	}
	return counted
}

func (c *counts) addReady(of *v1alpha1.AccessGrant, now time.Time) {
	c.ready++
	if grant.ExpiresSoon(of, now) {
		c.expiring++
	}
	if expires := float64(of.Status.ExpirationTimestamp.Unix()); c.earliest == 0 || expires < c.earliest {
		c.earliest = expires
	}
}
