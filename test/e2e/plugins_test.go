// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/cluster-inventory-api/pkg/access"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The credential plugins of the stories, by their packages: upstream's, and one that plays a shell script's part.
const (
	upstreamPlugin = "sigs.k8s.io/cluster-inventory-api/plugins/kubeconfig-secretreader/cmd/plugin"
	scriptedPlugin = "./test/e2e/credential-plugin"
)

// buildPlugin builds a credential plugin for a story.
func buildPlugin(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	if _, err := run(t.Context(), nil, "go", "build", "-o", path, pkg); err != nil {
		t.Fatal(err)
	}
	return path
}

// entry is one of a provider file.
func entry(name, plugin, kubeconfig string) map[string]any {
	return map[string]any{"name": name, "execConfig": map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1",
		"command":    plugin,
		// Plugins of a consumer that runs in the hub have this by their pod.
		"env":                []map[string]string{{"name": "KUBECONFIG", "value": kubeconfig}},
		"provideClusterInfo": true,
		"interactiveMode":    "Never",
	}}
}

// providers are what a consumer makes of a provider file, read by upstream's library.
func providers(t *testing.T, entries ...map[string]any) *access.Config {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"providers": entries})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clusterprofile-provider-file.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := access.NewFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// expectStaticPods expects that a spoke with a real kubelet shows the pods of its control plane.
func (s *spoke) expectStaticPods(g Gomega, config *rest.Config) {
	inside, err := client.New(config, client.Options{Scheme: newScheme()})
	g.Expect(err).NotTo(HaveOccurred())
	var pods corev1.PodList
	g.Expect(inside.List(context.Background(), &pods, client.InNamespace("kube-system"),
		client.MatchingLabels{"component": "kube-apiserver"})).
		To(Succeed())
	g.Expect(pods.Items).To(HaveLen(s.Replicas))
	g.Expect(pods.Items[0].Name).To(HavePrefix("kube-apiserver-" + s.Name))
}

// expectReached expects that the profile alone leads into the spoke.
func (s *spoke) expectReached(g Gomega, config *access.Config, profile *inventoryv1alpha1.ClusterProfile) {
	way, err := config.BuildConfigFromCP(profile)
	g.Expect(err).NotTo(HaveOccurred())
	s.expectStaticPods(g, way)
}

// kubeconfigAt is the hub's kubeconfig, with another namespace in its context.
func kubeconfigAt(t *testing.T, namespace string) string {
	t.Helper()
	file, err := clientcmd.LoadFromFile(hub.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	current := *file.Contexts[file.CurrentContext]
	current.Namespace = namespace
	file.Contexts = map[string]*clientcmdapi.Context{file.CurrentContext: &current}
	path := filepath.Join(t.TempDir(), "hub.kubeconfig")
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}
