// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// A paused Cluster is still there and still to be reached; only what Cluster API says of its health is worth nothing.
func TestPausing(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := newSpoke(t, docker("paused"))
	spoke.waitAvailable(t)
	profile := spoke.waitHealthy(t)

	step(t, "Pausing %s", spoke)
	patch(t, spoke.cluster(g), `{"spec":{"paused":true}}`)
	paused := time.Now()
	g.Eventually(func(g Gomega) {
		g.Expect(spoke.profile(g).Status.Conditions).To(have(healthy, metav1.ConditionUnknown, v1alpha1.ReasonPaused))
	}).Should(Succeed())
	step(t, "The profile says Paused")
	during := spoke.profile(g)
	g.Expect(during.UID).To(Equal(profile.UID))
	g.Expect(during.Status.AccessProviders).To(Equal(profile.Status.AccessProviders))
	g.Expect(during.Status.Version).To(Equal(profile.Status.Version))
	g.Expect(during.Status.Conditions).To(have(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered))
	g.Eventually(func(g Gomega) { spoke.expectProbedAfter(g, paused) }).Should(Succeed())
	step(t, "The consumer still gets into the spoke")

	step(t, "Unpausing %s", spoke)
	patch(t, spoke.cluster(g), `{"spec":{"paused":null}}`)
	spoke.waitHealthy(t)
}

// expectProbedAfter expects that the consumer has been in the spoke since.
func (s *spoke) expectProbedAfter(g Gomega, since time.Time) {
	status := s.check(g).Status
	g.Expect(status.Conditions).To(beReachable())
	g.Expect(status.LastProbeTime.Time).To(BeTemporally(">", since))
}
