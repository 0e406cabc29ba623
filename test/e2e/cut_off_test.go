// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// The load balancer before a control plane hangs: its kernel accepts connections, and nobody ever answers. The consumer tells
// at once, the profile as soon as Cluster API notices; and both tell when the control plane is back.
func TestControlPlaneIsCutOffAndReturns(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := newSpoke(t, docker("cutoff"))
	spoke.waitAvailable(t)
	profile := spoke.waitHealthy(t)
	g.Eventually(func(g Gomega) { g.Expect(spoke.check(g).Status.Conditions).To(beReachable()) }).Should(Succeed())

	step(t, "Cutting off %s", spoke)
	dockerMust(t, "pause", spoke.Name+"-lb")
	resumed := false
	t.Cleanup(func() {
		if !resumed {
			_, _ = run(context.Background(), nil, "docker", "unpause", spoke.Name+"-lb")
		}
	})
	// An interval of 5 seconds, give or take a tenth, and a timeout of 2 for the stage that fails.
	g.Eventually(func(g Gomega) {
		g.Expect(spoke.check(g).Status.Conditions).To(have(v1alpha1.ConditionReachable, metav1.ConditionFalse, v1alpha1.ReasonConnectFailed))
	}, 10*time.Second).Should(Succeed())
	step(t, "The consumer has noticed")

	// Cluster API gives up after 50 seconds without an answer. Of a control plane that is not two minutes old, the kubeadm
	// provider says then that it is unavailable; of an older one, that it does not know.
	g.Eventually(func(g Gomega) {
		g.Expect(meta.IsStatusConditionFalse(spoke.cluster(g).Status.Conditions, clusterv1.ClusterRemoteConnectionProbeCondition)).To(BeTrue())
		g.Expect(spoke.profile(g).Status.Conditions).To(Or(
			have(healthy, metav1.ConditionUnknown, v1alpha1.ReasonProbeFailed),
			have(healthy, metav1.ConditionFalse, v1alpha1.ReasonControlPlaneUnavailable),
		))
	}, 3*time.Minute).Should(Succeed())
	step(t, "Cluster API has noticed, and the profile says so: %v", meta.FindStatusCondition(spoke.profile(g).Status.Conditions, healthy).Reason)
	cutOff := spoke.profile(g)
	g.Expect(cutOff.Status.AccessProviders).To(Equal(profile.Status.AccessProviders))
	g.Expect(cutOff.Status.Version).To(Equal(profile.Status.Version))
	g.Expect(cutOff.Status.Conditions).To(have(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered))

	step(t, "Letting %s return", spoke)
	dockerMust(t, "unpause", spoke.Name+"-lb")
	resumed = true
	g.Eventually(func(g Gomega) {
		// Where the outage ends before Cluster API has dropped its connection, it looks at the Cluster again when the
		// Cluster changes, or after ten minutes.
		patch(t, spoke.cluster(g), `{"metadata":{"annotations":{"e2e.capi-inventory.dev/touched":"`+time.Now().Format(time.TimeOnly)+`"}}}`)
		g.Expect(spoke.profile(g).Status.Conditions).To(have(healthy, metav1.ConditionTrue, v1alpha1.ReasonProbeSucceeded))
	}, 2*time.Minute, 5*time.Second).Should(Succeed())
	step(t, "The profile says that it is back")
	// A spoke that has failed for long is probed ten intervals apart.
	g.Eventually(func(g Gomega) { g.Expect(spoke.check(g).Status.Conditions).To(beReachable()) }, 90*time.Second).Should(Succeed())
	step(t, "The consumer says so too")
	g.Expect(spoke.profile(g).UID).To(Equal(profile.UID))
}

func dockerMust(t *testing.T, args ...string) {
	t.Helper()
	if _, err := run(t.Context(), nil, "docker", args...); err != nil {
		t.Fatal(err)
	}
}
