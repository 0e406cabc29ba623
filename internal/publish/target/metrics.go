// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// metrics count writes.
type metrics struct {
	writes     *prometheus.CounterVec
	suppressed *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_inventory_writes_total",
			Help: "Writes of ClusterProfiles and AccessGrants, by kind (profile, status, delete, grant, revocation) and result " +
				"(success, conflict, invalid, error).",
		}, []string{"kind", "result"}),
		suppressed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capi_inventory_suppressed_writes_total",
			Help: "Writes left out because they would have changed nothing, by kind (profile, status, grant). " +
				"Normal: most writes are left out.",
		}, []string{"kind"}),
	}
	for _, collector := range []prometheus.Collector{m.writes, m.suppressed} {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return m, nil
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
	m.writes.WithLabelValues(kind, result).Inc()
}

// unchanged counts a write that was left out.
func (m *metrics) unchanged(kind string) { m.suppressed.WithLabelValues(kind).Inc() }
