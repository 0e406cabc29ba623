// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
	"github.com/capi-inventory/capi-inventory/internal/hub"
)

// TestMakesNothingOnASpokeWithoutTheLease has a broker that was frozen go on: another one leads, which may have revoked the grant. What
// this one made on the spoke would stay.
func TestMakesNothingOnASpokeWithoutTheLease(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	now := clocktesting.NewFakeClock(time.Now())
	fence := hub.NewFence(now)
	api := roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})
	put := httptest.NewRequest(http.MethodPut, "/apis/coordination.k8s.io/v1/namespaces/system/leases/broker", nil)
	response, err := fence.Hub(api).RoundTrip(put)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(response.Body.Close()).To(Succeed())
	now.Step(time.Minute)
	frozen := s.startBroker(withClock(now), func(options *accessgrant.Options, _ *rest.Config) { options.Spokes.Wrap = fence.Spokes })
	g.Eventually(s.condition("Ready")).Should(Equal("False SpokeUnreachable"))
	g.Expect(s.message()).To(ContainSubstring("the Lease has not been renewed"))
	g.Expect(s.account()).To(BeNil())

	frozen.stop()
	s.startBroker(withClock(now))
	s.granted(g)
}
