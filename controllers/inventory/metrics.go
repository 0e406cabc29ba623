// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	profilesMetric = prometheus.NewDesc(
		"capi_inventory_profiles",
		"ClusterProfiles published, by Inventory and by the status of their condition ControlPlaneHealthy (True, False, Unknown).",
		[]string{"inventory", "healthy"},
		nil,
	)
	problemsMetric = prometheus.NewDesc("capi_inventory_problems",
		"Things that could not be published, or not in full, by Inventory and reason: "+
			"among them foreign profiles (ForeignProfile), rejected kubeconfigs (Kubeconfig...) and stuck deletions (DeletionStuck).",
		[]string{"inventory", "reason"}, nil)
)

// metrics are the gauges of all Inventories. Those of one Inventory change together: a scrape never sees a part of them.
type metrics struct {
	mu          sync.Mutex
	inventories map[string]gauges
}

// gauges count profiles by the status of their condition ControlPlaneHealthy, and problems by reason.
type gauges struct{ profiles, problems map[string]int }

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{inventories: map[string]gauges{}}
	if err := registry.Register(m); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	return m, nil
}

func (m *metrics) set(inventory string, values gauges) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inventories[inventory] = values
}

func (m *metrics) forget(inventory string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.inventories, inventory)
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- profilesMetric
	descriptions <- problemsMetric
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(collected chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for inventory, values := range m.inventories {
		for status, n := range values.profiles {
			collected <- prometheus.MustNewConstMetric(profilesMetric, prometheus.GaugeValue, float64(n), inventory, status)
		}
		for reason, n := range values.problems {
			collected <- prometheus.MustNewConstMetric(problemsMetric, prometheus.GaugeValue, float64(n), inventory, reason)
		}
	}
}
