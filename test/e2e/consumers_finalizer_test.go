// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// A consumer holds a profile with a finalizer, as Sveltos does, to clean up after itself. The Cluster is deleted and gone; the
// profile waits for the consumer, unwritten, and then goes.
func TestConsumersFinalizerIsWaitedFor(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := newSpoke(t, inMemory("finalizer"))
	spoke.waitPublished(t)
	spoke.waitAvailable(t)
	patch(t, spoke.waitHealthy(t), `{"metadata":{"finalizers":["consumer.example.com/cleanup"]}}`)

	step(t, "Deleting the Cluster %s", spoke)
	g.Expect(removed(t.Context(), spoke.cluster(g))).To(Succeed())
	g.Eventually(func(g Gomega) { g.Expect(spoke.profile(g).DeletionTimestamp).NotTo(BeNil()) }).Should(Succeed())
	terminating := spoke.profile(g)
	step(t, "The Cluster is gone, and the profile waits for its consumer")
	g.Consistently(func(g Gomega) { g.Expect(spoke.profile(g)).To(Equal(terminating)) }).Should(Succeed())

	step(t, "The consumer is done")
	patch(t, terminating, `{"metadata":{"finalizers":null}}`)
	gone := func() bool {
		return apierrors.IsNotFound(k8s.Get(t.Context(), spoke.key(), &inventoryv1alpha1.ClusterProfile{}))
	}
	g.Eventually(gone).Should(BeTrue())
	g.Consistently(gone).Should(BeTrue(), "the profile came back")
}
