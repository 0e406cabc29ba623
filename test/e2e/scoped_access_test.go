// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// fleetNamespace is where testdata/values.yaml lets the broker grant access.
const fleetNamespace = "e2e-fleet"

// A consumer with nothing but a Role in its own namespace gets into a real spoke, as a user with just the rights that the Inventory
// asks for; and when the Inventory asks no longer, that user is gone from the spoke.
func TestScopedAccess(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := sharedSpoke(t)
	spoke.waitHealthy(t)
	administrator, err := spoke.client(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	step(t, "An Inventory asks for the rights of the ClusterRole view, and for what the spoke says of itself")
	inventory := named("scoped")
	inventory.Spec = v1alpha1.InventorySpec{
		Namespace:             fleetNamespace,
		NamespaceSelector:     spoke.namespaceSelector(),
		ClusterPropertyPolicy: v1alpha1.ClusterPropertyPolicyImport,
		AccessProviders: []v1alpha1.AccessProvider{{
			Name:           v1alpha1.ProviderKubeconfigSecret,
			ServiceAccount: &v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}},
		}},
	}
	g.Expect(k8s.Create(t.Context(), inventory)).To(Succeed())
	removeAfter(t, inventory)
	profile := &inventoryv1alpha1.ClusterProfile{}
	g.Eventually(func(g Gomega) {
		var profiles inventoryv1alpha1.ClusterProfileList
		g.Expect(k8s.List(t.Context(), &profiles, client.InNamespace(fleetNamespace))).To(Succeed())
		g.Expect(profiles.Items).To(HaveLen(1))
		g.Expect(profiles.Items[0].Status.AccessProviders).NotTo(BeEmpty())
		profiles.Items[0].DeepCopyInto(profile)
	}).Should(Succeed())
	grant := &v1alpha1.AccessGrant{}
	key := client.ObjectKey{Namespace: fleetNamespace, Name: profile.Name + "." + v1alpha1.ProviderKubeconfigSecret}
	g.Expect(k8s.Get(t.Context(), key, grant)).To(Succeed())
	g.Expect(grant.Status.Conditions).To(have("Ready", metav1.ConditionTrue, v1alpha1.ReasonGranted))

	step(t, "A consumer with a Role in %s is %s on the spoke", fleetNamespace, grant.Status.User)
	kubeconfig := accountOf(t, fleetNamespace)
	checks := checkOnce(t, kubeconfig)
	g.Expect(checks).To(HaveLen(1))
	g.Expect(checks[0].Status.Conditions).To(beReachable())
	g.Expect(checks[0].Status.User).To(Equal(grant.Status.User))

	config := providers(t, entry(v1alpha1.ProviderKubeconfigSecret, buildPlugin(t, upstreamPlugin), kubeconfig))
	way, err := config.BuildConfigFromCP(profile)
	g.Expect(err).NotTo(HaveOccurred())
	spoke.expectStaticPods(g, way)
	inside, err := client.New(way, client.Options{Scheme: newScheme()})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(apierrors.IsForbidden(inside.List(t.Context(), &corev1.SecretList{}))).To(BeTrue(), "view does not show Secrets")

	step(t, "A ClusterProperty of the spoke is on its profile")
	identity := &corev1.Namespace{}
	g.Expect(administrator.Get(t.Context(), client.ObjectKey{Name: "kube-system"}, identity)).To(Succeed())
	properties := func(g Gomega) []inventoryv1alpha1.Property {
		return profileAt(g, client.ObjectKeyFromObject(profile)).Status.Properties
	}
	g.Eventually(properties).Should(ContainElement(inventoryv1alpha1.Property{
		Name: v1alpha1.PropertyClusterID, Value: string(identity.UID),
	}))
	g.Expect(administrator.Create(t.Context(), fixture.ClusterPropertyCRD())).To(Succeed())
	region := fixture.ClusterProperty("region.example.com", "eu-west-1")
	g.Eventually(func() error { return administrator.Create(t.Context(), region) }).Should(Succeed())
	g.Eventually(properties).Should(ContainElement(inventoryv1alpha1.Property{Name: region.GetName(), Value: "eu-west-1"}))
	g.Expect(administrator.Delete(t.Context(), region)).To(Succeed())
	g.Eventually(properties).ShouldNot(ContainElement(HaveField("Name", region.GetName())))

	step(t, "The Inventory asks no longer")
	g.Expect(removed(t.Context(), inventory)).To(Succeed())
	g.Eventually(func() bool { return apierrors.IsNotFound(k8s.Get(t.Context(), key, grant)) }).Should(BeTrue())
	g.Eventually(func() bool {
		return apierrors.IsUnauthorized(inside.List(t.Context(), &corev1.PodList{}))
	}).Should(BeTrue(), "the token ends with its ServiceAccount")
	bindings := &rbacv1.ClusterRoleBindingList{}
	g.Eventually(func(g Gomega) {
		g.Expect(administrator.List(t.Context(), bindings, client.HasLabels{v1alpha1.LabelGrant})).To(Succeed())
		g.Expect(bindings.Items).To(BeEmpty())
	}).Should(Succeed())
}

// accountOf makes a ServiceAccount of the hub that may read the profiles and the Secrets of a namespace and nothing else, and returns a
// kubeconfig of it.
func accountOf(t *testing.T, namespace string) (path string) {
	t.Helper()
	g := NewWithT(t)
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "scoped-consumer"}
	account := &corev1.ServiceAccount{ObjectMeta: meta}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{inventoryv1alpha1.GroupVersion.Group}, Resources: []string{"clusterprofiles"}, Verbs: []string{"get", "list"}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}},
	}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: meta.Name}},
	}
	for _, object := range []client.Object{account, role, binding} {
		g.Expect(k8s.Create(t.Context(), object)).To(Succeed())
		removeAfter(t, object)
	}
	token := &authenticationv1.TokenRequest{}
	g.Expect(k8s.SubResource("token").Create(t.Context(), account, token)).To(Succeed())
	g.Expect(rest.LoadTLSFiles(hub.config)).To(Succeed())
	path = filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"hub": {
			Server: hub.config.Host, CertificateAuthorityData: hub.config.CAData,
		}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"consumer": {Token: token.Status.Token}},
		Contexts:       map[string]*clientcmdapi.Context{"hub": {Cluster: "hub", AuthInfo: "consumer", Namespace: namespace}},
		CurrentContext: "hub",
	}, path)).To(Succeed())
	return path
}

// checkOnce runs our consumer once, with upstream's plugin, in the namespace of the fleet.
func checkOnce(t *testing.T, kubeconfig string) []v1alpha1.SpokeCheck {
	t.Helper()
	g := NewWithT(t)
	consumer := filepath.Join(t.TempDir(), "consumer")
	_, err := run(t.Context(), nil, "go", "build", "-o", consumer, "./cmd/consumer")
	g.Expect(err).NotTo(HaveOccurred())
	raw, err := json.Marshal(map[string]any{"providers": []any{
		entry(v1alpha1.ProviderKubeconfigSecret, buildPlugin(t, upstreamPlugin), kubeconfig),
	}})
	g.Expect(err).NotTo(HaveOccurred())
	providerFile := filepath.Join(t.TempDir(), "clusterprofile-provider-file.json")
	g.Expect(os.WriteFile(providerFile, raw, 0o600)).To(Succeed())
	printed, err := run(t.Context(), nil, consumer, "--once", "--output=json", "--kubeconfig", kubeconfig, "--namespace", fleetNamespace,
		"--clusterprofile-provider-file", providerFile)
	g.Expect(err).NotTo(HaveOccurred())
	var list v1alpha1.SpokeCheckList
	g.Expect(json.Unmarshal([]byte(printed), &list)).To(Succeed())
	return list.Items
}
