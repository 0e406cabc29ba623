// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/conformance"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestConformance publishes Clusters of every sort into several inventories and holds all of their profiles against what
// upstream asks of a cluster manager.
func TestConformance(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	a, b, shared := hub.newNamespace(t, nil), hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	hub.inventory(t, "conforms-beside", v1alpha1.InventorySpec{ClusterSet: "prod"}, a, b)
	hub.inventory(
		t,
		"conforms-shared",
		v1alpha1.InventorySpec{
			Namespace: shared,
			Labels:    v1alpha1.Propagation{Include: []string{"*"}},
			AccessProviders: []v1alpha1.AccessProvider{
				{Name: "kubeconfig-secretreader", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
				{Name: "plain-http", Exec: &v1alpha1.ExecAccess{Server: "'http://10.0.0.1'"}},
				{Name: "proxy", Exec: &v1alpha1.ExecAccess{Server: "'proxy.example.com:9092/' + cluster.metadata.name"}},
			},
		},
		a,
		b,
	)
	hub.startPublisher(t)
	long := strings.Repeat("long-", 12) + "x"
	endpoint := func(fields string) []byte {
		return kubeconfigOf(`server: "https://10.0.0.6:6443", `+fields, "token: t", "b")
	}
	kubeconfigs := map[string][]byte{
		"longest": endpoint(
			fmt.Sprintf(`tls-server-name: %q, proxy-url: %q`, dnsName(253), "http://proxy/"+strings.Repeat("x", 2048-len("http://proxy/"))),
		),
		"tls-name": endpoint(fmt.Sprintf(`tls-server-name: %q`, dnsName(254))),
		"proxy":    endpoint(fmt.Sprintf(`proxy-url: %q`, "http://proxy/"+strings.Repeat("x", 2048))),
	}
	for name, server := range map[string]string{
		"plain": "https://10.0.0.1:6443", "noport": "https://eks.example.com", "noscheme": "10.0.0.2:6443",
		"v6": "https://[fd00::1]:6443", long: "https://10.0.0.3:6443",
		"http": "http://10.0.0.4:8080", "query": "https://10.0.0.5:6443/?a=b", "underscore": "https://my_api.example.com",
		"dot": "https://api.example.com.:6443",
	} {
		kubeconfigs[name] = hub.kubeconfig(name, server)
	}
	for name, raw := range kubeconfigs {
		for _, namespace := range []string{a, b} {
			hub.createCluster(
				t,
				fixture.Cluster(
					namespace,
					name,
					fixture.Provisioned("v1.36.3"),
					fixture.Labels(map[string]string{"env": "prod", "x-k8s.io/cluster-manager": "other"}),
				),
				raw,
			)
		}
	}
	var profiles inventoryv1alpha1.ClusterProfileList
	g.Eventually(func(g Gomega) {
		var all []inventoryv1alpha1.ClusterProfile
		for _, name := range []string{"conforms-beside", "conforms-shared"} {
			g.Expect(hub.List(t.Context(), &profiles, client.MatchingLabels{v1alpha1.LabelInventory: name})).To(Succeed())
			all = append(all, profiles.Items...)
		}
		g.Expect(all).To(HaveLen(2 * 2 * len(kubeconfigs)))
		g.Expect(conformance.Check(all)).To(BeEmpty())
	}).WithPolling(200 * time.Millisecond).Should(Succeed())
}

// dnsName is a DNS name of so many characters.
func dnsName(length int) string { return strings.Repeat("a.", length)[:length-1] + "a" }

// TestSamples publishes, by each of the Inventories that we ship, a Cluster of each provider that it is for.
func TestSamples(t *testing.T) {
	hub := freeHub(t)
	if err := hub.Install(apiserver.Providers); err != nil {
		t.Fatal(err)
	}
	const (
		secret  = `{"key":"value","name":"c1-kubeconfig","namespace":"NAMESPACE"}`
		azure   = `{"serverID":"6dae42f8-4368-4678-94ff-3960e28e3630","tenantID":"00000000-0000-0000-0000-000000000000"}`
		kubeadm = "kubeadm"
	)
	// The plugin's parameters, by the file of the sample and the provider of the Cluster.
	wanted := map[string]map[string]string{
		"default":           {kubeadm: secret},
		"argocd":            {kubeadm: secret},
		"restricted-secret": {kubeadm: `{"key":"value","name":"c1-readonly-kubeconfig","namespace":"NAMESPACE"}`},
		"scoped":            {kubeadm: `{"key":"value","name":"NAMESPACE--c1.kubeconfig-secretreader.access","namespace":"fleet"}`},
		"secretreader":      {kubeadm: `{"clusterName":"c1"}`},
		"ocm-cluster-proxy": {kubeadm: `{"clusterName":"c1"}`},
		"oidc": {
			kubeadm: `{"clientID":"kubernetes","issuerURL":"https://idp.example.com/realms/NAMESPACE","scopes":["openid","groups"]}`,
		},
		"eks":                  {"eks": `{"clusterId":"default_c1-control-plane","region":"eu-west-1"}`},
		"serviceaccount-token": {kubeadm: ``},
		"gke":                  {"gke": ``},
		"aks":                  {"aks": azure, "aks-aso": azure, "aks-aso-entra": azure},
	}
	files, err := filepath.Glob("../../config/samples/inventories/*.yaml")
	if err != nil || len(files) != len(wanted) {
		t.Fatalf("%d files for %d samples: %v", len(files), len(wanted), err)
	}
	for name, of := range wanted {
		for provider, parameters := range of {
			t.Run(name+"/"+provider, func(t *testing.T) { hub.trySample(t, sample(t, name), provider, parameters) })
		}
	}
}

// trySample publishes a Cluster of a provider by a sample, and wants parameters for the plugin of its first access provider.
func (hub *testHub) trySample(t *testing.T, sample *v1alpha1.Inventory, provider, parameters string) {
	t.Helper()
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	if sample.Spec.Namespace != "" {
		hub.ensureNamespace(t, sample.Spec.Namespace)
	}
	hub.inventory(t, sample.Name, sample.Spec, namespace)
	hub.startPublisher(t)
	if provider == "kubeadm" {
		secret := fixture.KubeconfigSecret(namespace, "c1-readonly", hub.kubeconfig("c1", "https://10.0.0.1:6443"))
		secret.Labels["cluster.x-k8s.io/cluster-name"] = "c1"
		hub.create(t, secret)
		hub.createCluster(
			t,
			fixture.Cluster(
				namespace,
				"c1",
				fixture.Provisioned("v1.36.3"),
				fixture.Labels(sample.Spec.ClusterSelector.MatchLabels),
				fixture.Labels(map[string]string{"region": "eu"}),
			),
			hub.kubeconfig("c1", "https://10.0.0.1:6443"),
		)
	} else {
		hub.leave(t, namespace, provider)
	}
	if sample.Spec.AccessProviders != nil && sample.Spec.AccessProviders[0].ServiceAccount != nil {
		hub.grantAccess(t, hub.asked(t, g, sample.Spec.Namespace, namespace+"--c1."+sample.Spec.AccessProviders[0].Name))
	}
	var profiles inventoryv1alpha1.ClusterProfileList
	g.Eventually(func(g Gomega) {
		g.Expect(hub.List(t.Context(), &profiles, client.MatchingLabels{
			v1alpha1.LabelInventory:        sample.Name,
			v1alpha1.LabelClusterNamespace: namespace,
		})).
			To(Succeed())
		g.Expect(profiles.Items).To(HaveLen(1))
		g.Expect(profiles.Items[0].Status.AccessProviders).To(HaveLen(1))
		g.Expect(conformance.Check(profiles.Items)).To(BeEmpty())
	}).Should(Succeed())
	cluster := profiles.Items[0].Status.AccessProviders[0].Cluster
	if parameters == "" {
		g.Expect(cluster.Extensions).To(BeEmpty())
	} else {
		g.Expect(string(cluster.Extensions[0].Extension.Raw)).To(MatchJSON(strings.ReplaceAll(parameters, "NAMESPACE", namespace)))
	}
	g.Eventually(func() *metav1.Condition { return hub.ready(t, sample.Name) }).
		Should(And(Not(BeNil()), HaveField("Status", metav1.ConditionTrue)))
	g.Expect(hub.readInventory(t, sample.Name).Status.Problems).To(BeEmpty())
}

func (hub *testHub) ensureNamespace(t *testing.T, name string) {
	t.Helper()
	if err := hub.Create(
		t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}},
	); err != nil &&
		!apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}
