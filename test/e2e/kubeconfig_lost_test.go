// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// The Secret with the kubeconfig is deleted, and Cluster API makes another one, with a new certificate. The profile keeps its
// access all the time, and consumers keep theirs.
func TestKubeconfigIsLostAndCreatedAgain(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := newSpoke(t, docker("rotated"))
	spoke.waitAvailable(t)
	profile := spoke.waitHealthy(t)
	key := client.ObjectKey{Namespace: spoke.Namespace, Name: spoke.Name + "-kubeconfig"}
	lost := read(g, key, &corev1.Secret{})

	step(t, "Deleting the Secret %s", key)
	g.Expect(k8s.Delete(t.Context(), lost)).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(spoke.joined(g).Message).To(HavePrefix("The access published before stays: "))
	}).Should(Succeed())
	without := spoke.profile(g)
	step(t, "The profile says: %s", spoke.joined(g).Message)
	g.Expect(without.UID).To(Equal(profile.UID))
	g.Expect(without.Status.AccessProviders).To(Equal(profile.Status.AccessProviders))

	// The control plane provider does not watch the Secret; it makes it when it looks at its object again.
	patch(t, spoke.controlPlane(), `{"metadata":{"annotations":{"e2e.capi-inventory.dev/touched":"yes"}}}`)
	g.Eventually(func(g Gomega) {
		made := read(g, key, &corev1.Secret{})
		g.Expect(made.UID).NotTo(Equal(lost.UID))
		g.Expect(made.Data["value"]).NotTo(Equal(lost.Data["value"]))
	}).Should(Succeed())
	made := time.Now()
	step(t, "Cluster API has made another one")
	g.Eventually(func(g Gomega) {
		g.Expect(spoke.joined(g).Status).To(Equal(metav1.ConditionTrue))
		g.Expect(spoke.joined(g).Message).NotTo(ContainSubstring("before"))
	}).Should(Succeed())
	after := spoke.profile(g)
	g.Expect(after.UID).To(Equal(profile.UID))
	g.Expect(after.Status.AccessProviders).To(Equal(profile.Status.AccessProviders))
	g.Expect(after.Status.Conditions).To(have(healthy, metav1.ConditionTrue, v1alpha1.ReasonProbeSucceeded))
	g.Eventually(func(g Gomega) { spoke.expectProbedAfter(g, made) }).Should(Succeed())
	step(t, "The consumer gets into the spoke")
}
