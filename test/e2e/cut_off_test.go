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

// The load balancer before a control plane hangs: its kernel accepts connections, and nobody ever answers. The consumer, which
// dials by itself, reports it within an interval, and within one when the control plane is back. The profile reports what Cluster
// API reports, as soon as Cluster API does, and nobody touches the Cluster to make it look.
//
// Cluster API's own delay is not ours to shorten. It notices an outage after 50 seconds, and a return when it connects again: 15
// to 30 seconds later where it had dropped its connection. Where it had not, nothing makes it look at the Cluster again before
// the Cluster changes or its resync is due, which is after ten minutes.
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
		g.Expect(spoke.check(g).Status.Conditions).
			To(have(v1alpha1.ConditionReachable, metav1.ConditionFalse, v1alpha1.ReasonConnectFailed))
	}, 10*time.Second).Should(Succeed())
	step(t, "The consumer has noticed")

	// Of a control plane that is not two minutes old, the kubeadm provider says then that it is unavailable; of an older one,
	// that it does not know. The profile has to say the one that the Cluster says.
	g.Eventually(func(g Gomega) {
		conditions := spoke.cluster(g).Status.Conditions
		g.Expect(meta.IsStatusConditionFalse(conditions, clusterv1.ClusterRemoteConnectionProbeCondition)).To(BeTrue())
		want := have(healthy, metav1.ConditionUnknown, v1alpha1.ReasonProbeFailed)
		if meta.IsStatusConditionFalse(conditions, clusterv1.ClusterControlPlaneAvailableCondition) {
			want = have(healthy, metav1.ConditionFalse, v1alpha1.ReasonControlPlaneUnavailable)
		}
		g.Expect(spoke.profile(g).Status.Conditions).To(want)
	}, 3*time.Minute).Should(Succeed())
	step(
		t,
		"Cluster API has noticed, and the profile says so: %v",
		meta.FindStatusCondition(spoke.profile(g).Status.Conditions, healthy).Reason,
	)
	cutOff := spoke.profile(g)
	g.Expect(cutOff.Status.AccessProviders).To(Equal(profile.Status.AccessProviders))
	g.Expect(cutOff.Status.Version).To(Equal(profile.Status.Version))
	g.Expect(cutOff.Status.Conditions).To(have(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered))

	step(t, "Letting %s return", spoke)
	dockerMust(t, "unpause", spoke.Name+"-lb")
	resumed = true
	returned := time.Now()
	// However long it was away: an interval of 5 seconds, a look that may still wait for 2 seconds, and a probe.
	g.Eventually(func(g Gomega) { g.Expect(spoke.check(g).Status.Conditions).To(beReachable()) }, 20*time.Second).Should(Succeed())
	step(t, "The consumer says after %s that it is back", time.Since(returned).Round(time.Second))
	g.Eventually(func(g Gomega) {
		g.Expect(spoke.profile(g).Status.Conditions).To(have(healthy, metav1.ConditionTrue, v1alpha1.ReasonProbeSucceeded))
	}, 11*time.Minute).Should(Succeed())
	step(t, "Cluster API says after %s that it is back, and so does the profile", time.Since(returned).Round(time.Second))
	g.Expect(spoke.profile(g).UID).To(Equal(profile.UID))
}

func dockerMust(t *testing.T, args ...string) {
	t.Helper()
	if _, err := run(t.Context(), nil, "docker", args...); err != nil {
		t.Fatal(err)
	}
}
