// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/conformance"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestConformance publishes Clusters of every sort into several inventories and holds all of their profiles against what
// upstream asks of a cluster manager.
func TestConformance(t *testing.T) {
	g := NewWithT(t)
	a, b, shared := newNamespace(t, nil), newNamespace(t, nil), newNamespace(t, nil)
	inventory(t, "conforms-beside", v1alpha1.InventorySpec{ClusterSet: "prod"}, a, b)
	inventory(t, "conforms-shared", v1alpha1.InventorySpec{Namespace: shared, Labels: v1alpha1.Propagation{Include: []string{"*"}}, AccessProviders: []v1alpha1.AccessProvider{
		{Name: "kubeconfig-secretreader", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
		{Name: "plain-http", Exec: &v1alpha1.ExecAccess{Server: "'http://10.0.0.1'"}},
		{Name: "proxy", Exec: &v1alpha1.ExecAccess{Server: "'proxy.example.com:9092/' + cluster.metadata.name"}},
	}}, a, b)
	startPublisher(t)
	long := strings.Repeat("long-", 12) + "x"
	for name, server := range map[string]string{
		"plain": "https://10.0.0.1:6443", "noport": "https://eks.example.com", "noscheme": "10.0.0.2:6443", "v6": "https://[fd00::1]:6443", long: "https://10.0.0.3:6443",
		"http": "http://10.0.0.4:8080", "query": "https://10.0.0.5:6443/?a=b",
	} {
		for _, namespace := range []string{a, b} {
			createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": "prod", "x-k8s.io/cluster-manager": "other"})), kubeconfig(name, server))
		}
	}
	var profiles inventoryv1alpha1.ClusterProfileList
	g.Eventually(func(g Gomega) {
		var all []inventoryv1alpha1.ClusterProfile
		for _, name := range []string{"conforms-beside", "conforms-shared"} {
			g.Expect(k8s.List(t.Context(), &profiles, client.MatchingLabels{v1alpha1.LabelInventory: name})).To(Succeed())
			all = append(all, profiles.Items...)
		}
		g.Expect(all).To(HaveLen(2 * 2 * 7))
		g.Expect(conformance.Check(all)).To(BeEmpty())
	}).Should(Succeed())
}

// TestSamples publishes one Cluster by each of the Inventories that we ship.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob("../../config/samples/inventories/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no samples: %v", err)
	}
	wanted := map[string]string{
		"default":           `{"key":"value","name":"c1-kubeconfig","namespace":"NAMESPACE"}`,
		"argocd":            `{"key":"value","name":"c1-kubeconfig","namespace":"NAMESPACE"}`,
		"restricted":        `{"key":"value","name":"c1-readonly-kubeconfig","namespace":"NAMESPACE"}`,
		"secretreader":      `{"clusterName":"c1"}`,
		"ocm-cluster-proxy": `{"clusterName":"c1"}`,
		"eks":               `{"clusterId":"team-a_c1","region":"eu-west-1"}`,
		"gke":               ``,
		"aks":               `{"serverID":"6dae42f8-4368-4678-94ff-3960e28e3630","tenantID":"tenant-1"}`,
		"oidc":              `{"clientID":"kubernetes","issuerURL":"https://idp.example.com/realms/NAMESPACE","scopes":["openid","groups"]}`,
	}
	install(t, managedPlaneCRD)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var sample v1alpha1.Inventory
		if err := yaml.UnmarshalStrict(raw, &sample); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run(sample.Name, func(t *testing.T) {
			g := NewWithT(t)
			namespace := newNamespace(t, nil)
			if sample.Spec.Namespace != "" {
				ensureNamespace(t, sample.Spec.Namespace)
			}
			inventory(t, sample.Name, sample.Spec, namespace)
			startPublisher(t)
			create(t, managedPlane(namespace, "c1"))
			secret := fixture.KubeconfigSecret(namespace, "c1-readonly", kubeconfig("c1", "https://10.0.0.1:6443"))
			secret.Labels["cluster.x-k8s.io/cluster-name"] = "c1"
			create(t, secret)
			createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3"), fixture.Labels(sample.Spec.ClusterSelector.MatchLabels), fixture.Labels(map[string]string{"region": "eu"}), onManagedPlane),
				kubeconfig("c1", "https://10.0.0.1:6443"))
			at, name := namespace, "c1"
			if sample.Spec.Namespace != "" {
				at, name = sample.Spec.Namespace, namespace+"--c1"
			}
			profile := published(t, g, at, name)
			provider := profile.Status.AccessProviders[0]
			want := strings.ReplaceAll(wanted[sample.Name], "NAMESPACE", namespace)
			if want == "" {
				g.Expect(provider.Cluster.Extensions).To(BeEmpty())
			} else {
				g.Expect(string(provider.Cluster.Extensions[0].Extension.Raw)).To(MatchJSON(want))
			}
			g.Expect(conformance.Check([]inventoryv1alpha1.ClusterProfile{*profile})).To(BeEmpty())
			g.Eventually(func() *metav1.Condition { return ready(t, sample.Name) }).Should(And(Not(BeNil()), HaveField("Status", metav1.ConditionTrue)))
		})
	}
}

func ensureNamespace(t *testing.T, name string) {
	t.Helper()
	if err := k8s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}
