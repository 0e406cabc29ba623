// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOldestKubernetes: the oldest Kubernetes that the chart allows knows every field of what the chart and kustomize install. The API
// server of the other tests is a new one, which would take a newer field.
func TestOldestKubernetes(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, manifests []byte) {
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), manifests, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("chart", installable(t))
	for _, installed := range []string{"config/default", "config/broker", "config/clusterctl", "config/rbac/broker-namespace"} {
		write(strings.ReplaceAll(installed, "/", "-"), kustomize(t, installed))
	}
	if out, err := validate(t, folder); err != nil {
		t.Errorf("%v\n%s", err, out)
	}

	write("newer", []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p1}\nspec: {containers: [], resources: {limits: {cpu: 1}}}\n"))
	if out, err := validate(t, folder); err == nil || !strings.Contains(out, "spec.resources") {
		t.Errorf("a field of Kubernetes 1.32 is accepted: %v\n%s", err, out)
	}
}

// validate validates the manifests of a folder against the schemas of the oldest Kubernetes, and against our own CRDs.
func validate(t *testing.T, folder string) (out string, err error) {
	t.Helper()
	oldest := regexp.MustCompile(`(?m)^kubeVersion: ">=(1\.\d+)\.`).FindStringSubmatch(contents(t, filepath.Join(chart, "Chart.yaml")))
	if oldest == nil {
		t.Fatal("the chart allows any version of Kubernetes")
	}
	command := exec.CommandContext(t.Context(), "go", "tool", "-modfile=go.validate.mod", "kubectl-validate",
		"--version", oldest[1], "--local-crds", filepath.Join("charts", "capi-inventory", "crds"), folder)
	command.Dir = root
	// Not the schemas of the cluster that the user happens to work with, nor a pod's.
	command.Env = append(os.Environ(), "KUBECONFIG="+os.DevNull, "KUBERNETES_SERVICE_HOST=")
	combined, err := command.CombinedOutput()
	return string(combined), err
}
