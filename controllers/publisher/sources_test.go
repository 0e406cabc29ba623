// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// A control plane that no expression reads is watched for its version alone, and whole while one does: the version is followed all along.
func TestVersionFollowsTheControlPlane(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "version", v1alpha1.InventorySpec{}, namespace)
	running := hub.startPublisher(t)
	withoutVersions := func(c *clusterv1.Cluster) { c.Status.ControlPlane = nil }
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned(""), withoutVersions),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	g.Expect(hub.get(t, namespace, "c1").Status.Version.Kubernetes).To(BeEmpty())

	plane := controlPlane(namespace, "c1")
	hub.create(t, plane)
	t.Cleanup(func() { _ = hub.Delete(contextOf(t), plane) })
	report := func(status map[string]any) {
		t.Helper()
		g.Expect(hub.Get(t.Context(), keyOf(plane), plane)).To(Succeed())
		plane.Object["status"] = status
		g.Expect(hub.Status().Update(t.Context(), plane)).To(Succeed())
	}
	version := func() string { return hub.get(t, namespace, "c1").Status.Version.Kubernetes }
	report(map[string]any{"version": "v1.36.0"})
	g.Eventually(version).Should(Equal("v1.36.0"))
	report(
		map[string]any{
			"version": "v1.36.0",
			"versions": []any{
				map[string]any{"version": "v1.36.1", "replicas": int64(2)},
				map[string]any{"version": "v1.36.2", "replicas": int64(1)},
			},
		},
	)
	g.Eventually(version).Should(Equal("v1.36.1"), "during an upgrade the lowest")

	const ended = "No profile is made of a kind any more"
	hub.patchInventory(t, "version",
		`{"spec":{"properties":[{"name":"replicas.example.com","expression":"controlPlane.spec.replicas"}]}}`)
	g.Eventually(func() any { return hub.get(t, namespace, "c1").Status.Properties }).
		Should(ContainElement(And(HaveField("Name", "replicas.example.com"), HaveField("Value", "3"))))
	g.Expect(version()).To(Equal("v1.36.1"))
	g.Eventually(func() int { return strings.Count(running.logs.String(), ended) }).Should(Equal(1))
	report(map[string]any{"version": "v1.36.3"})
	g.Eventually(version).Should(Equal("v1.36.3"))

	hub.patchInventory(t, "version", `{"spec":{"properties":null}}`)
	g.Eventually(func() int { return strings.Count(running.logs.String(), ended) }).Should(Equal(2))
	g.Expect(version()).To(Equal("v1.36.3"))
	report(map[string]any{"version": "v1.36.4"})
	g.Eventually(version).Should(Equal("v1.36.4"))

	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	g.Eventually(func() int { return strings.Count(running.logs.String(), ended) }).
		Should(Equal(3), "a kind is watched while a profile is made of it")
}

func TestUnlabelledSecretsWork(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "unlabelled", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t, withClock(clock))
	secret := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	// As a user supplies one, and with the type that Kamaji and CAPZ use.
	secret.Labels, secret.Type = nil, corev1.SecretTypeOpaque
	hub.create(t, secret)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), nil)
	g.Expect(server(hub.published(t, g, namespace, "c1"))).To(Equal("https://10.0.0.1:6443"))

	secret.Data["value"] = hub.kubeconfig("c1", "https://10.0.0.9:6443")
	g.Expect(hub.Update(t.Context(), secret)).To(Succeed())
	g.Eventually(func() string {
		clock.Step(time.Minute)
		return server(hub.get(t, namespace, "c1"))
	}).Should(Equal("https://10.0.0.9:6443"), "no event reports it; it is read again after a while")
}

func TestAnotherSecretOfTheCluster(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "restricted", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{
		{
			Name:             "kubeconfig-secretreader",
			KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{NameSuffix: "-readonly-kubeconfig", Key: "config"},
		},
		{
			Name: "secretreader",
			Exec: &v1alpha1.ExecAccess{Extension: map[string]v1alpha1.Expression{"clusterName": "cluster.metadata.name"}},
		},
	}}, namespace)
	hub.startPublisher(t)
	secret := fixture.KubeconfigSecret(namespace, "c1-readonly", nil)
	secret.Labels["cluster.x-k8s.io/cluster-name"] = "c1"
	secret.Data = map[string][]byte{"config": hub.kubeconfig("c1", "https://10.0.0.2:6443")}
	hub.create(t, secret)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	g.Eventually(func() int { return len(hub.published(t, g, namespace, "c1").Status.AccessProviders) }).Should(Equal(2))
	providers := hub.get(t, namespace, "c1").Status.AccessProviders
	g.Expect(providers[0].Cluster.Server).To(Equal("https://10.0.0.2:6443"))
	g.Expect(string(providers[0].Cluster.Extensions[0].Extension.Raw)).
		To(MatchJSON(`{"name":"c1-readonly-kubeconfig","key":"config","namespace":"` + namespace + `"}`))
	g.Expect(providers[1].Cluster.Server).
		To(Equal("https://10.0.0.1:6443"), "an exec provider without a server uses the Cluster's own endpoint")
	g.Expect(string(providers[1].Cluster.Extensions[0].Extension.Raw)).To(MatchJSON(`{"clusterName":"c1"}`))

	secret.Data["config"] = hub.kubeconfig("c1", "https://10.0.0.3:6443")
	g.Expect(hub.Update(t.Context(), secret)).To(Succeed())
	g.Eventually(func() string { return server(hub.get(t, namespace, "c1")) }).Should(Equal("https://10.0.0.3:6443"),
		"event driven as well")
}

// Failure class 5 of other producers: write amplification.
func TestWritesAreLimitedButNotEndpoints(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "limits", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t, withClock(clock))
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	rename := func(name string) {
		hub.updateCluster(t, cluster, fixture.Annotations(map[string]string{v1alpha1.AnnotationDisplayName: name}))
	}
	displayName := func() string { return hub.get(t, namespace, "c1").Spec.DisplayName }
	// A rename is two writes: the new generation is observed in the status.
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		rename(name)
		g.Eventually(displayName).Should(Equal(name))
		g.Eventually(func() int64 { return hub.get(t, namespace, "c1").Status.Conditions[0].ObservedGeneration }).
			Should(Equal(hub.get(t, namespace, "c1").Generation))
	}
	rename("one too many")
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "limits").Status.Problems }).
		Should(ConsistOf(HaveField("Reason", v1alpha1.ProblemWriteDelayed)))
	g.Consistently(displayName).Should(Equal("e"), "a burst of ten writes, and then one in 30 seconds")

	rotated := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.9:6443"))
	g.Expect(hub.Update(t.Context(), rotated)).To(Succeed())
	g.Eventually(func() string { return server(hub.get(t, namespace, "c1")) }).
		Should(Equal("https://10.0.0.9:6443"), "a changed endpoint does not wait")
	g.Expect(displayName()).To(Equal("e"))

	g.Expect(hub.degraded(t, "limits").Status).To(Equal(metav1.ConditionTrue), "what is wanted is not there yet")
	g.Expect(hub.ready(t, "limits").Status).To(Equal(metav1.ConditionTrue), "one Cluster that changes all the time holds up no tool")

	// Time passes all the while: a pause may begin after the state that the test has seen.
	g.Eventually(func() string { clock.Step(time.Second); return displayName() }).Should(Equal("one too many"))
	// The status that observes the new generation is a write of its own.
	g.Eventually(func() metav1.ConditionStatus { clock.Step(time.Second); return hub.degraded(t, "limits").Status }).
		Should(Equal(metav1.ConditionFalse))
}

// TestNoSecretLeaves searches everything that the publisher shows for what is in a kubeconfig and must not get out.
func TestNoSecretLeaves(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "secrets", v1alpha1.InventorySpec{}, namespace)
	running := hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "good", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("good", "https://10.0.0.1:6443"))
	// One that is not a kubeconfig: it must not even be read.
	unlabelled := fixture.KubeconfigSecret(namespace, "nobodys", []byte(secretToken))
	unlabelled.Labels = nil
	hub.create(t, unlabelled)
	// Broken so that decoders quote what they read.
	for name, raw := range map[string]string{
		"yaml": "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {token: " + secretToken + "\n",
		"type": "apiVersion: v1\nkind: Config\nusers: " + secretToken + "\n",
		"query": strings.Replace(string(hub.kubeconfig("query", "https://10.0.0.1:6443")), "https://10.0.0.1:6443",
			"https://10.0.0.1:6443/?token="+secretToken, 1),
		"user": strings.Replace(string(hub.kubeconfig("user", "https://10.0.0.1:6443")), "https://10.0.0.1:6443",
			"https://admin:"+secretToken+"@10.0.0.1:6443", 1),
	} {
		hub.createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3")), []byte(raw))
	}
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "secrets").Status.Problems }).Should(HaveLen(4))

	var everything strings.Builder
	for _, list := range []client.ObjectList{&inventoryv1alpha1.ClusterProfileList{}, &v1alpha1.InventoryList{}, &eventsv1.EventList{}} {
		g.Expect(hub.List(t.Context(), list)).To(Succeed())
		raw, err := json.Marshal(list)
		g.Expect(err).NotTo(HaveOccurred())
		everything.Write(raw)
	}
	families, err := prometheus.Gatherers{metrics.Registry, running.metrics}.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		everything.WriteString(family.String())
	}
	g.Expect(everything.String()).To(ContainSubstring("capi_inventory_problems"))
	var cached corev1.SecretList
	g.Expect(running.manager.GetClient().List(t.Context(), &cached)).To(Succeed())
	g.Expect(cached.Items).NotTo(BeEmpty())
	for _, secret := range cached.Items {
		g.Expect(secret.Name).NotTo(Equal(unlabelled.Name), "what has no label of Cluster API is not in the cache")
		for _, value := range secret.Data {
			everything.Write(value)
		}
		everything.WriteString(secret.String())
	}
	everything.WriteString(running.logs.String())
	for _, secret := range []string{secretToken, "PRIVATE KEY"} {
		g.Expect(everything.String()).NotTo(ContainSubstring(secret))
	}
}

// controlPlane is one of the kubeadm provider.
func controlPlane(namespace, name string) *unstructured.Unstructured {
	plane := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "controlplane.cluster.x-k8s.io/v1beta2", "kind": "KubeadmControlPlane",
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec": map[string]any{"replicas": int64(3), "version": "v1.36.9", "machineTemplate": map[string]any{"spec": map[string]any{
			"infrastructureRef": map[string]any{
				"apiGroup": "infrastructure.cluster.x-k8s.io",
				"kind":     "DockerMachineTemplate",
				"name":     name,
			},
		}}},
	}}
	return plane
}
