// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
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
	for _, collector := range []prometheus.Collector{m.issued, m.failures, m.importFailures, &fleet{cached: cached, serves: options.serves}} {
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
}

var (
	grantsMetric = prometheus.NewDesc("capi_inventory_broker_grants",
		"AccessGrants that are not being deleted, by whether their token is accepted (true, false).", []string{"ready"}, nil)
	degradedMetric = prometheus.NewDesc("capi_inventory_broker_degraded_grants",
		"AccessGrants whose next step fails, by the reason of their condition Degraded.", []string{"reason"}, nil)
	pendingMetric = prometheus.NewDesc("capi_inventory_broker_revocations_pending",
		"AccessGrants that are deleted and whose spoke still has what was made for them.", nil, nil)
	earliestMetric = prometheus.NewDesc("capi_inventory_broker_earliest_expiration_timestamp_seconds",
		"When the first of the tokens that are accepted expires, in seconds since 1970; 0 if there is none. "+
			"Normal: at least two thirds of tokenTTL away.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f *fleet) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{grantsMetric, degradedMetric, pendingMetric, earliestMetric} {
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
	var ready, other, pending, earliest float64
	degraded := map[string]float64{}
	for i := range list.Items {
		of := &list.Items[i]
		switch {
		case !f.serves(of):
			continue
		case !of.DeletionTimestamp.IsZero():
			pending++
			continue
		}
		if isDegraded(of) {
			degraded[reasonOf(of, v1alpha1.ConditionDegraded)]++
		}
		if !isReady(of) {
			other++
		} else {
			ready++
			if expires := float64(of.Status.ExpirationTimestamp.Unix()); earliest == 0 || expires < earliest {
				earliest = expires
			}
		}
	}
	gauge := func(description *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
	}
	gauge(grantsMetric, ready, "true")
	gauge(grantsMetric, other, "false")
	for reason, count := range degraded {
		gauge(degradedMetric, count, reason)
	}
	gauge(pendingMetric, pending)
	gauge(earliestMetric, earliest)
}
