// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
)

// TestRevocationWaitsForTheAPIServerOfTheSpoke: a load balancer without a backend, which answers "not found" to everything, does not say
// that a ServiceAccount is gone.
func TestRevocationWaitsForTheAPIServerOfTheSpoke(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	away := &atomic.Bool{}
	s.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.UserAgent() == userAgent && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/serviceaccounts/") && away.Load() {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
	s.startBroker()
	s.granted(g)
	away.Store(true)
	s.stopAsking(g)
	g.Eventually(s.condition("Degraded")).Should(Equal("True SpokeRefused"))
	g.Expect(s.account()).NotTo(BeNil())

	away.Store(false)
	g.Eventually(s.grant).Should(BeNil())
	g.Expect(s.account()).To(BeNil())
}
