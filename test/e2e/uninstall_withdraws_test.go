// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Uninstalling the chart withdraws every profile, and waits for a consumer that holds one by a finalizer. Installed again, it
// publishes the same members again.
//
// This disturbs all other stories, so it goes before them.
func TestUninstallingWithdrawsProfiles(t *testing.T) {
	g := NewWithT(t)
	fleet := sharedFleet(t)
	before := fleet.waitHealthy(t)
	product := installed(t)
	product.putBack(t)
	held := before[0]
	patch(t, held, `{"metadata":{"finalizers":["consumer.example.com/cleanup"]}}`)

	step(t, "Uninstalling the chart")
	done := product.uninstalled(t.Context())
	g.Eventually(func(g Gomega) {
		left := publishedProfiles(g)
		g.Expect(left).To(HaveLen(1))
		g.Expect(left[0].UID).To(Equal(held.UID))
		g.Expect(left[0].DeletionTimestamp).NotTo(BeNil())
	}).Should(Succeed())
	step(t, "All profiles are gone but the one that a consumer holds, and Helm waits for it")
	g.Consistently(done).ShouldNot(Receive())
	g.Expect(deployment(g, "publisher").Status.ReadyReplicas).To(BeEquivalentTo(2))

	step(t, "The consumer is done")
	patch(t, held, `{"metadata":{"finalizers":null}}`)
	var said error
	g.Eventually(done).Should(Receive(&said))
	g.Expect(said).NotTo(HaveOccurred())
	g.Expect(publishedProfiles(g)).To(BeEmpty())
	var inventories v1alpha1.InventoryList
	g.Expect(k8s.List(t.Context(), &inventories)).To(Succeed())
	g.Expect(inventories.Items).To(BeEmpty())
	expectNothingOfTheRelease(t)

	step(t, "Installing the chart again")
	g.Expect(product.chart(t.Context(), "install")).To(Succeed())
	for i, profile := range fleet.waitHealthy(t) {
		g.Expect(profile.UID).NotTo(Equal(before[i].UID))
		g.Expect(profile.Labels).To(Equal(before[i].Labels))
		g.Expect(profile.Status.AccessProviders).To(Equal(before[i].Status.AccessProviders))
	}
}

// expectNothingOfTheRelease expects that Helm has taken away what it has made, hooks included. What is in the system namespace
// besides is Kubernetes' own.
func expectNothingOfTheRelease(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	release := client.MatchingLabels{"app.kubernetes.io/part-of": "capi-inventory"}
	for _, list := range []client.ObjectList{
		&rbacv1.ClusterRoleList{}, &rbacv1.ClusterRoleBindingList{}, &rbacv1.RoleList{}, &rbacv1.RoleBindingList{},
		&corev1.ServiceAccountList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &batchv1.JobList{},
	} {
		g.Expect(k8s.List(t.Context(), list, release)).To(Succeed())
		g.Expect(list).To(HaveField("Items", BeEmpty()))
	}
}
