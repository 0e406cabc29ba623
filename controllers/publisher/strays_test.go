// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// tamperWhileDown publishes a Cluster for each change of labels, named after it, stops the publisher, and changes the labels.
func (hub *testHub) tamperWhileDown(
	t *testing.T,
	g *WithT,
	namespace string,
	changes map[string]func(map[string]string),
) map[string]client.Object {
	t.Helper()
	running := hub.startPublisher(t)
	clusters := map[string]client.Object{}
	for name := range changes {
		cluster := fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3"))
		clusters[name] = hub.createCluster(t, cluster, hub.kubeconfig(name, "https://"+name+":6443"))
	}
	for name := range changes {
		hub.published(t, g, namespace, name)
	}
	running.stop()
	for name, tamper := range changes {
		hub.changeProfile(t, namespace, name, hub.Update, func(p *inventoryv1alpha1.ClusterProfile) { tamper(p.Labels) })
	}
	return clusters
}

// Whatever another writer changes of a profile's provenance while the publisher is down, the profile is deleted with its Cluster as
// long as the publisher owns the label with the UID.
func TestStrayOrphansAreWithdrawn(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "stray-orphans", v1alpha1.InventorySpec{}, namespace)
	changes := map[string]func(map[string]string){
		"name-changed":      func(labels map[string]string) { labels[v1alpha1.LabelClusterName] = "typo" },
		"name-removed":      func(labels map[string]string) { delete(labels, v1alpha1.LabelClusterName) },
		"namespace-changed": func(labels map[string]string) { labels[v1alpha1.LabelClusterNamespace] = "nowhere" },
		"inventory-changed": func(labels map[string]string) { labels[v1alpha1.LabelInventory] = "no-such-inventory" },
		"inventory-removed": func(labels map[string]string) { delete(labels, v1alpha1.LabelInventory) },
		"only-uid": func(labels map[string]string) {
			uid := labels[v1alpha1.LabelClusterUID]
			clear(labels)
			labels[v1alpha1.LabelClusterUID] = uid
		},
	}
	for _, cluster := range hub.tamperWhileDown(t, g, namespace, changes) {
		g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
	}
	hub.startPublisher(t)
	for name := range changes {
		g.Eventually(func() any { return hub.get(t, namespace, name) }).Should(BeNil(), name)
	}
	g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, "stray-orphans").Status }).Should(And(
		HaveField("Published", BeEquivalentTo(0)), HaveField("Problems", BeEmpty())))
}

// A profile of which nothing proves that its Cluster is gone stays as it is, does not count as published, and is reported: by the
// Inventory that it names, else by an Event.
func TestUndecidedStraysAreReported(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "undecided", v1alpha1.InventorySpec{}, namespace)
	clusters := hub.tamperWhileDown(t, g, namespace, map[string]func(map[string]string){
		"uid-changed": func(labels map[string]string) {
			labels[v1alpha1.LabelClusterUID], labels[v1alpha1.LabelClusterName] = "another", "typo"
		},
		"all-removed": func(labels map[string]string) { clear(labels) },
		"exists":      func(labels map[string]string) { delete(labels, v1alpha1.LabelInventory) },
	})
	hub.updateCluster(t, fixture.Cluster(namespace, "exists"), fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"}))
	before := map[string]*inventoryv1alpha1.ClusterProfile{}
	for name, cluster := range clusters {
		before[name] = hub.get(t, namespace, name)
		if name != "exists" {
			g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())
		}
	}

	hub.startPublisher(t)
	g.Eventually(func() v1alpha1.InventoryStatus { return hub.readInventory(t, "undecided").Status }).Should(And(
		HaveField("Published", BeEquivalentTo(0)),
		HaveField("Problems", ConsistOf(And(HaveField("Cluster", "-"), HaveField("Reason", v1alpha1.ProblemProvenanceChanged),
			HaveField("Message", ContainSubstring(namespace+"/uid-changed")))))))
	for _, name := range []string{"all-removed", "exists"} {
		g.Eventually(func() []string { return hub.eventsOn(t, before[name]) }).
			Should(ContainElement(v1alpha1.ProblemProvenanceChanged), name)
	}
	for name, profile := range before {
		g.Expect(hub.get(t, namespace, name)).To(HaveField("ResourceVersion", profile.ResourceVersion), name)
	}
	g.Expect(hub.Delete(t.Context(), before["uid-changed"])).To(Succeed())
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "undecided").Status.Problems }).
		Should(BeEmpty(), "a person has decided")
}

// Where Clusters may not be listed live, nothing proves that the Cluster of a profile is gone: it stays, and that is reported.
func TestStrayIsReportedWhereClustersAreForbidden(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "forbidden-clusters", v1alpha1.InventorySpec{}, namespace)
	clusters := hub.tamperWhileDown(t, g, namespace, map[string]func(map[string]string){
		"c1": func(labels map[string]string) { labels[v1alpha1.LabelClusterName] = "typo" },
	})
	before := hub.get(t, namespace, "c1")
	g.Expect(hub.Delete(t.Context(), clusters["c1"])).To(Succeed())

	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			// The cache lists whole Clusters.
			live := strings.Contains(request.Header.Get("Accept"), "PartialObjectMetadataList")
			if live && strings.HasSuffix(request.URL.Path, "/clusters") {
				// A user without any right.
				request = request.Clone(request.Context())
				request.Header.Set("Impersonate-User", "without-rights")
			}
			return next.RoundTrip(request)
		})
	})
	restricted := hub.startPublisherOn(t, config)
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "forbidden-clusters").Status.Problems }).
		Should(ConsistOf(And(HaveField("Reason", v1alpha1.ProblemProvenanceChanged), HaveField("Message", And(
			ContainSubstring("may not list Clusters"), ContainSubstring(before.Labels[v1alpha1.LabelClusterUID]))))))
	g.Expect(hub.get(t, namespace, "c1")).To(HaveField("ResourceVersion", before.ResourceVersion))

	restricted.stop()
	hub.startPublisher(t)
	g.Eventually(func() any { return hub.get(t, namespace, "c1") }).Should(BeNil(), "the right was granted")
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "forbidden-clusters").Status.Problems }).
		Should(BeEmpty())
}
