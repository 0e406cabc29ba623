// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
)

// An outage that is to be expected has a reason of its own, for which nobody is alerted.
func TestExpectedOutages(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	initialize := func(initialized bool) {
		s.cluster.Status.Initialization.ControlPlaneInitialized = ptr.To(initialized)
		g.Expect(s.hub.Status().Update(t.Context(), s.cluster)).To(Succeed())
	}
	initialize(false)
	s.port.Cut(true)
	now := clocktesting.NewFakeClock(time.Now())
	s.startBroker(withClock(now))
	g.Eventually(s.condition("Degraded")).Should(Equal("True ControlPlaneNotInitialized"))
	g.Expect(s.message()).To(ContainSubstring("SpokeUnreachable"))

	initialize(true)
	now.Step(time.Hour)
	s.touch()
	g.Eventually(s.condition("Degraded")).Should(Equal("True SpokeUnreachable"))

	s.change(g, s.cluster, func() { s.cluster.Finalizers = []string{"example.com/machines"} })
	g.Expect(s.hub.Delete(t.Context(), s.cluster)).To(Succeed())
	now.Step(time.Hour)
	s.touch()
	g.Eventually(s.condition("Degraded")).Should(Equal("True ClusterDeleting"))
	g.Expect(s.message()).To(ContainSubstring("SpokeUnreachable"))
	s.change(g, s.cluster, func() { s.cluster.Finalizers = nil })
}
