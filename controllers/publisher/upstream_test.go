// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestUpstreamsExampleReachesTheSpoke: upstream's own example of a consumer needs the profile, a provider file with one of upstream's
// plugins, and nothing else. The hub is its own spoke.
func TestUpstreamsExampleReachesTheSpoke(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "upstream", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{
		{Name: "kubeconfig-secretreader", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
		{
			Name: "secretreader",
			Exec: &v1alpha1.ExecAccess{Extension: map[string]v1alpha1.Expression{"clusterName": "cluster.metadata.name"}},
		},
	}}, namespace)
	hub.startPublisher(t)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), fixture.Kubeconfig("c1", hub.Config(), ""))
	hub.published(t, g, namespace, "c1")

	example := hub.upstreamsExample(t, namespace, "c1")
	g.Expect(example("kubeconfig-secretreader")).To(reachSpoke())
	g.Expect(example("secretreader")).To(ContainSubstring(`failed to get secret %s/c1`, namespace), "the plugin has no other credentials")
	hub.create(t, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "c1"},
		Data:       map[string][]byte{"token": []byte(hub.viewer(t, namespace))},
	})
	// The API server takes a moment to act on a new ClusterRoleBinding.
	g.Eventually(example).WithArguments("secretreader").Should(reachSpoke())
}

// reachSpoke matches what the example prints when it has listed the spoke's Pods with both kinds of clients.
func reachSpoke() types.GomegaMatcher {
	return And(ContainSubstring("[client-go] Listed 0 pods"), ContainSubstring("[controller-runtime] Listed 0 pods"))
}

// upstreamsExample builds upstream's example and plugins. The function runs it on a profile, with the plugin of a provider, and returns
// what it prints. The namespace is that of its kubeconfig too.
func (hub *testHub) upstreamsExample(t *testing.T, namespace, name string) func(provider string) string {
	t.Helper()
	const upstream = "sigs.k8s.io/cluster-inventory-api/"
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, pkg := range map[string]string{
		"example":                 "examples/controller-example",
		"kubeconfig-secretreader": "plugins/kubeconfig-secretreader/cmd/plugin",
		"secretreader":            "plugins/secretreader/cmd/plugin",
	} {
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", in(name), upstream+pkg).CombinedOutput(); err != nil {
			t.Fatalf("building upstream's %s: %v\n%s", name, err, out)
		}
	}
	config, err := clientcmd.Load(fixture.Kubeconfig("hub", hub.Config(), ""))
	if err != nil {
		t.Fatal(err)
	}
	config.Contexts[config.CurrentContext].Namespace = namespace
	if err := clientcmd.WriteToFile(*config, in("kubeconfig")); err != nil {
		t.Fatal(err)
	}
	return func(provider string) string {
		t.Helper()
		file := fmt.Appendf(nil, `{"providers": [{"name": %q, "execConfig": {
			"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "provideClusterInfo": true}}]}`, provider, in(provider))
		if err := os.WriteFile(in(provider+".json"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		run := exec.CommandContext(t.Context(), in("example"),
			"-clusterprofile-provider-file", in(provider+".json"), "-namespace", namespace, "-clusterprofile", name)
		run.Env = append(os.Environ(), "KUBECONFIG="+in("kubeconfig"))
		// Its exit code says no more than what it prints.
		out, _ := run.CombinedOutput()
		return string(out)
	}
}

// viewer returns a token of a ServiceAccount that may list the Pods of its spoke.
func (hub *testHub) viewer(t *testing.T, namespace string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "viewer"}}
	meta := metav1.ObjectMeta{Name: namespace}
	hub.create(t, account,
		&rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{Verbs: []string{"list"}, APIGroups: []string{""}, Resources: []string{"pods"}},
		}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account.Name}},
		})
	request := &authenticationv1.TokenRequest{}
	if err := hub.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}
