// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
)

// TestExpiryIsReportedDuringAPause: the token expires between two attempts to renew it. Its end does not wait for the next one.
func TestExpiryIsReportedDuringAPause(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	now := clocktesting.NewFakeClock(time.Now())
	s.startBroker(withClock(now))
	of := s.granted(g)
	s.port.Cut(true)

	// The pause after a failure is five seconds at least.
	now.SetTime(of.Status.ExpirationTimestamp.Add(-time.Second))
	s.touch()
	g.Eventually(s.condition("Degraded")).Should(Equal("True SpokeUnreachable"))
	g.Expect(s.condition("Ready")()).To(Equal("True Granted"))

	s.port.Cut(false)
	now.Step(2 * time.Second)
	s.touch()
	g.Eventually(s.condition("Ready")).Should(Equal("False Expired"), "the spoke, which is back, is not tried for that")
	g.Expect(s.condition("Degraded")()).To(Equal("True SpokeUnreachable"))
	g.Eventually(func() []string { return s.eventsOn(s.grant()) }).Should(ContainElement("Expired"))
}
