// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestPublishesACluster(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "publishes", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))

	profile := hub.published(t, g, namespace, "c1")
	if diff := cmp.Diff(map[string]string{
		"x-k8s.io/cluster-manager":                  "cluster-api",
		"multicluster.x-k8s.io/inventory-member-id": string(cluster.UID),
		"capi-inventory.dev/inventory":              "publishes",
		"capi-inventory.dev/cluster-namespace":      namespace,
		"capi-inventory.dev/cluster-name":           "c1",
		"capi-inventory.dev/cluster-uid":            string(cluster.UID),
	}, profile.Labels); diff != "" {
		t.Errorf("labels -want +got:\n%s", diff)
	}
	g.Expect(profile.Spec).To(Equal(inventoryv1alpha1.ClusterProfileSpec{
		DisplayName: "c1", ClusterManager: inventoryv1alpha1.ClusterManager{Name: "cluster-api"},
	}))
	g.Expect(profile.Status.Version.Kubernetes).To(Equal("v1.36.3"))
	g.Expect(meta.IsStatusConditionTrue(profile.Status.Conditions, "ControlPlaneHealthy")).To(BeTrue())
	g.Expect(meta.IsStatusConditionTrue(profile.Status.Conditions, "Joined")).To(BeTrue())
	for _, condition := range profile.Status.Conditions {
		g.Expect(condition.ObservedGeneration).To(Equal(profile.Generation), "a condition says which generation it has observed")
	}

	provider := profile.Status.AccessProviders[0]
	g.Expect(provider.Name).To(Equal("kubeconfig-secretreader"))
	g.Expect(provider.Cluster.Server).To(Equal("https://10.0.0.1:6443"))
	g.Expect(provider.Cluster.CertificateAuthorityData).To(Equal(hub.CertificateAuthority()))
	var reference map[string]string
	g.Expect(json.Unmarshal(provider.Cluster.Extensions[0].Extension.Raw, &reference)).To(Succeed())
	g.Expect(reference).To(Equal(map[string]string{"name": "c1-kubeconfig", "key": "value", "namespace": namespace}),
		"the namespace is always named: consumers do not agree on a default")

	t.Run("by server-side apply under one name", func(t *testing.T) {
		var managers []string
		for _, entry := range profile.ManagedFields {
			managers = append(managers, entry.Manager+"/"+string(entry.Operation)+"/"+entry.Subresource)
		}
		if diff := cmp.Diff([]string{"capi-inventory-publisher/Apply/", "capi-inventory-publisher/Apply/status"}, managers); diff != "" {
			t.Errorf("field managers -want +got:\n%s", diff)
		}
	})
}

func TestWritesNothingWhenNothingChanged(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "unchanged", v1alpha1.InventorySpec{Labels: v1alpha1.Propagation{Include: []string{"env"}}}, namespace)
	first := hub.startPublisher(t)
	cluster := hub.createCluster(
		t,
		fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": "prod"})),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"),
	)
	profile := hub.published(t, g, namespace, "c1")
	version := func() string { return hub.get(t, namespace, "c1").ResourceVersion }

	// A change of no consequence has the Cluster reconciled again.
	hub.updateCluster(t, cluster, fixture.Annotations(map[string]string{"example.com/touched": "once"}))
	g.Consistently(version).Should(Equal(profile.ResourceVersion))

	first.stop()
	hub.startPublisher(t)
	marker := hub.createCluster(t, fixture.Cluster(namespace, "c2", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c2", "https://10.0.0.2:6443"))
	hub.published(t, g, namespace, marker.Name)
	if diff := cmp.Diff(profile, hub.get(t, namespace, "c1")); diff != "" {
		t.Errorf("%s", diff)
	}
	g.Consistently(version).Should(Equal(profile.ResourceVersion), "a restart must not wake every consumer")
}

func TestFollowsTheKubeconfig(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "follows", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	g.Expect(server(hub.published(t, g, namespace, "c1"))).To(Equal("https://10.0.0.1:6443"))

	secret := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.9:6443"))
	g.Expect(hub.Update(t.Context(), secret)).To(Succeed())
	g.Eventually(func() string { return server(hub.get(t, namespace, "c1")) }).Should(Equal("https://10.0.0.9:6443"))

	t.Run("and keeps the last good access while the kubeconfig is broken", func(t *testing.T) {
		g := NewWithT(t)
		secret.Data["value"] = []byte("apiVersion: v1\nkind: Config\n")
		g.Expect(hub.Update(t.Context(), secret)).To(Succeed())
		g.Eventually(func() string {
			return meta.FindStatusCondition(hub.get(t, namespace, "c1").Status.Conditions, "Joined").Message
		}).Should(ContainSubstring("current-context: not set"))
		profile := hub.get(t, namespace, "c1")
		g.Expect(server(profile)).To(Equal("https://10.0.0.9:6443"))
		g.Expect(meta.IsStatusConditionTrue(profile.Status.Conditions, "Joined")).To(BeTrue())
	})
	t.Run("and while the Secret is gone", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(hub.Delete(t.Context(), secret)).To(Succeed())
		g.Eventually(func() string {
			return meta.FindStatusCondition(hub.get(t, namespace, "c1").Status.Conditions, "Joined").Message
		}).Should(ContainSubstring("there is no such Secret"))
		g.Expect(server(hub.get(t, namespace, "c1"))).To(Equal("https://10.0.0.9:6443"))
	})
}

func TestWithdrawsAProfileWithItsCluster(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "withdraws", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	cluster := fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3"))
	cluster.Finalizers = []string{"cluster.cluster.x-k8s.io/test"}
	hub.createCluster(t, cluster, hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")

	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	g.Eventually(func() metav1.Condition {
		return *meta.FindStatusCondition(hub.get(t, namespace, "c1").Status.Conditions, "Joined")
	}).Should(And(HaveField("Status", metav1.ConditionFalse), HaveField("Reason", "ClusterDeleting")),
		"while the Cluster is being deleted, consumers clean up through the profile")
	g.Expect(server(hub.get(t, namespace, "c1"))).NotTo(BeEmpty())

	deleting := cluster.DeepCopy()
	g.Expect(hub.Get(t.Context(), keyOf(cluster), deleting)).To(Succeed())
	deleting.Finalizers = nil
	g.Expect(hub.Update(t.Context(), deleting)).To(Succeed())
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil())
}
