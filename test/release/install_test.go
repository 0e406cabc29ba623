// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build release

package release_test

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	appsv1 "k8s.io/api/apps/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestInstallFromRegistry: the packaged chart goes into a registry as an OCI artifact, and from there onto a hub that has Cluster API and
// nothing else of what the chart brings. Nothing runs its pods here; the end-to-end suite does.
func TestInstallFromRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	charts := "oci://" + strings.TrimPrefix(server.URL, "http://") + "/charts"
	helm(t, "push", absolute(t, filepath.Join(out, chart)), charts, "--plain-http")

	hub := apiserver.StartFor(t)
	if err := hub.Install(apiserver.ClusterAPI); err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, fixture.Kubeconfig("hub", hub.Config(), ""), 0o600); err != nil {
		t.Fatal(err)
	}
	const namespace = "capi-inventory-system"
	helm(t, "install", "capi-inventory", charts+"/capi-inventory", "--version", strings.TrimPrefix(version, "v"), "--plain-http",
		"--kubeconfig", kubeconfig, "--namespace", namespace, "--create-namespace", "--set", "access.mode=scoped")

	k8s, err := client.New(hub.Config(), client.Options{Scheme: clusterhub.NewScheme(clientgoscheme.AddToScheme)})
	if err != nil {
		t.Fatal(err)
	}
	var deployments appsv1.DeploymentList
	if err := k8s.List(t.Context(), &deployments, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, deployment := range deployments.Items {
		got[deployment.Name] = deployment.Spec.Template.Spec.Containers[0].Image
	}
	want := map[string]string{}
	for _, program := range []string{"broker", "consumer", "publisher"} {
		want["capi-inventory-"+program] = "ghcr.io/capi-inventory/" + program + ":" + version
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images of the Deployments, -want +got:\n%s", diff)
	}
	inventory := &v1alpha1.Inventory{}
	inventory.Name = "of-the-test"
	if err := k8s.Create(t.Context(), inventory); err != nil {
		t.Errorf("the hub does not serve Inventories: %v", err)
	}
}

// helm runs the pinned Helm, with nothing of the user's own configuration.
func helm(t *testing.T, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"tool", "-modfile=go.tools.mod", "helm"}, args...)...)
	home := t.TempDir()
	command.Dir = root
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	if printed, err := command.CombinedOutput(); err != nil {
		t.Fatalf("helm %s: %v\n%s", args[0], err, printed)
	}
}
