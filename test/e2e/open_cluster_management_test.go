// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"os"
	"strconv"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Open Cluster Management publishes profiles too, and an article shows one of them, from the binding of a cluster set to the
// endpoint of its cluster-proxy. One of ours has the same shape, by the sample of config/samples: who reads that one reads this.
func TestProfileHasOpenClusterManagementsShape(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := newSpoke(t, inMemory("proxied"))
	patch(t, spoke.cluster(g), `{"metadata":{
		"labels": {"open-cluster-management.io/cluster-name": "`+spoke.Name+`"},
		"annotations": {"example.com/region": "ap-northeast-1", "example.com/account": "111122223333",
		"capi-inventory.dev/display-name": "Tokyo 1"}}}`)

	namespace := newNamespace(t, "cluster-inventory")
	spec := sampleInventory(t, "ocm-cluster-proxy").Spec
	spec.Namespace, spec.NamespaceSelector, spec.ProfileName = namespace, spoke.namespaceSelector(), v1alpha1.ProfileNamingName
	spec.ClusterSet = "sandbox-fleet"
	spec.Labels.Include = []string{"env", "open-cluster-management.io/*"}
	spec.Properties = []v1alpha1.PropertyExpression{
		{Name: "aws.region.example.com", Expression: "cluster.metadata.annotations['example.com/region']"},
		{Name: "aws.account-id.example.com", Expression: "cluster.metadata.annotations['example.com/account']"},
	}
	// The proxy has a certificate authority of its own. Here it is the hub's.
	authority := hub.config.CAData
	spec.AccessProviders[0].Exec.CertificateAuthority = v1alpha1.Expression(strconv.Quote(string(authority)))
	newInventory(t, namespace, spec)

	var profile *inventoryv1alpha1.ClusterProfile
	spoke.waitAvailable(t)
	g.Eventually(func(g Gomega) {
		profile = profileAt(g, client.ObjectKey{Namespace: namespace, Name: spoke.Name})
		g.Expect(profile.Status.Conditions).To(And(
			have(healthy, metav1.ConditionTrue, v1alpha1.ReasonProbeSucceeded),
			have(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered)))
	}).Should(Succeed())
	g.Expect(profile.Spec).To(Equal(inventoryv1alpha1.ClusterProfileSpec{
		ClusterManager: inventoryv1alpha1.ClusterManager{Name: "cluster-api"}, DisplayName: "Tokyo 1",
	}))
	g.Expect(profile.Labels).To(And(
		HaveKeyWithValue(inventoryv1alpha1.LabelClusterManagerKey, "cluster-api"),
		HaveKeyWithValue("open-cluster-management.io/cluster-name", spoke.Name),
		HaveKeyWithValue("env", "e2e")))
	g.Expect(profile.Status.Version.Kubernetes).To(Equal(spoke.Version))
	g.Expect(profile.Status.Properties).To(ContainElements(
		inventoryv1alpha1.Property{Name: v1alpha1.PropertyClusterSet, Value: "sandbox-fleet"},
		inventoryv1alpha1.Property{Name: "aws.region.example.com", Value: "ap-northeast-1"},
		inventoryv1alpha1.Property{Name: "aws.account-id.example.com", Value: "111122223333"}))

	step(t, "The profile is whole; upstream's library makes a connection through the proxy of it")
	way, err := providers(t, entry("open-cluster-management", "cp-creds", hub.kubeconfig)).BuildConfigFromCP(profile)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(way.Host).To(Equal("https://cluster-proxy-addon-user.open-cluster-management-addon.svc:9092/" + spoke.Name))
	g.Expect(way.CAData).To(Equal(authority))
	g.Expect(way.ExecProvider.Config.(*runtime.Unknown).Raw).To(MatchJSON(`{"clusterName": "` + spoke.Name + `"}`))
}

// sampleInventory is one of config/samples.
func sampleInventory(t *testing.T, name string) *v1alpha1.Inventory {
	t.Helper()
	raw, err := os.ReadFile(fromRoot("config/samples/inventories/" + name + ".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	inventory := &v1alpha1.Inventory{}
	if err := yaml.UnmarshalStrict(raw, inventory); err != nil {
		t.Fatal(err)
	}
	return inventory
}
