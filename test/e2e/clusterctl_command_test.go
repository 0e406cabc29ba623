// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// clusterctl is the command, with files of the story's own in place of releases.
type clusterctl struct {
	folder    string
	providers []map[string]string
}

func newClusterctl(t *testing.T) *clusterctl {
	t.Helper()
	ctl := &clusterctl{folder: t.TempDir()}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	err := k8s.Get(t.Context(), client.ObjectKey{Name: "providers.clusterctl.cluster.x-k8s.io"}, crd)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if err != nil {
		ctl.adopt(t)
	}
	return ctl
}

// release lays a release of ours where clusterctl finds it.
func (c *clusterctl) release(t *testing.T, p *product, tag string) {
	t.Helper()
	components := strings.NewReplacer("ghcr.io/capi-inventory", registry, ":latest", ":"+p.tag).Replace(built(t, "config/clusterctl"))
	metadata, err := os.ReadFile(fromRoot("config/clusterctl/metadata.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.provide(t, "capi-inventory", "AddonProvider", "addon-capi-inventory/"+tag+"/addon-components.yaml", components, string(metadata))
}

// provide lays a provider's release where clusterctl finds it.
func (c *clusterctl) provide(t *testing.T, name, kind, path, components, metadata string) {
	t.Helper()
	path = filepath.Join(c.folder, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{path: components, filepath.Join(filepath.Dir(path), "metadata.yaml"): metadata} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.providers = slices.DeleteFunc(c.providers, func(provider map[string]string) bool { return provider["name"] == name })
	c.providers = append(c.providers, map[string]string{"name": name, "type": kind, "url": path})
}

func (c *clusterctl) run(t *testing.T, args ...string) {
	t.Helper()
	raw, err := yaml.Marshal(map[string]any{"providers": c.providers})
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(c.folder, "clusterctl.yaml")
	if err := os.WriteFile(config, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	args = append(args, "--config", config, "--kubeconfig", hub.kubeconfig)
	if _, err := tool(t.Context(), []string{"CLUSTERCTL_DISABLE_VERSIONCHECK=true"}, "clusterctl", args...); err != nil {
		t.Fatal(err)
	}
}

// adopt makes a hub look to clusterctl as if clusterctl had made it, for as long as the story lasts. Otherwise it would install
// cert-manager, which nothing of ours needs, and Cluster API beside the one that is there.
func (c *clusterctl) adopt(t *testing.T) {
	t.Helper()
	step(t, "The hub was not made by clusterctl, and is made to look so")
	t.Cleanup(func() {
		for _, name := range []string{"issuers.cert-manager.io", "certificates.cert-manager.io", "providers.clusterctl.cluster.x-k8s.io"} {
			crd := &apiextensionsv1.CustomResourceDefinition{}
			crd.Name = name
			if err := removed(context.Background(), crd); err != nil {
				t.Error(err)
			}
		}
	})
	kinds, err := os.ReadFile("testdata/clusterctl-hub.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := apply(t.Context(), kinds); err != nil {
		t.Fatal(err)
	}
	core, err := run(t.Context(), nil, "go", "list", "-m", "-f", "{{.Version}}", "sigs.k8s.io/cluster-api/api")
	if err != nil {
		t.Fatal(err)
	}
	// By these labels clusterctl finds what it has installed.
	provider := `
apiVersion: clusterctl.cluster.x-k8s.io/v1alpha3
kind: Provider
metadata:
  name: cluster-api
  namespace: capi-system
  labels: {cluster.x-k8s.io/provider: cluster-api, clusterctl.cluster.x-k8s.io: "", clusterctl.cluster.x-k8s.io/core: inventory}
providerName: cluster-api
type: CoreProvider
version: ` + core
	NewWithT(t).Eventually(func() error { return apply(t.Context(), []byte(provider)) }).Should(Succeed())
	parsed := version.MustParseSemantic(core)
	c.provide(t, "cluster-api", "CoreProvider", "cluster-api/"+core+"/core-components.yaml", "", fmt.Sprintf(`
apiVersion: clusterctl.cluster.x-k8s.io/v1alpha3
kind: Metadata
releaseSeries:
- {major: %d, minor: %d, contract: v1beta2}
`, parsed.Major(), parsed.Minor()))
}
