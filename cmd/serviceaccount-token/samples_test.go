// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// sample returns a file of config/samples/federation.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../config/samples/federation", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// machine is what the patch does to a machine of a control plane.
type machine struct {
	// flag is that of kube-apiserver which names the first file.
	flag     string
	files    []file
	commands []string
}

type file struct{ path, content string }

func controlPlanePatch(t *testing.T) machine {
	t.Helper()
	var patch struct {
		Spec struct {
			KubeadmConfigSpec struct {
				ClusterConfiguration struct {
					APIServer struct {
						ExtraArgs    []struct{ Name, Value string }
						ExtraVolumes []struct{ HostPath, MountPath string }
					}
				}
				Files              []struct{ Path, Content string }
				PreKubeadmCommands []string
			}
		}
	}
	if err := yaml.Unmarshal(sample(t, "kubeadmcontrolplane-patch.yaml"), &patch); err != nil {
		t.Fatal(err)
	}
	spec := patch.Spec.KubeadmConfigSpec
	server := spec.ClusterConfiguration.APIServer
	m := machine{flag: server.ExtraArgs[0].Name, commands: spec.PreKubeadmCommands}
	for _, f := range spec.Files {
		m.files = append(m.files, file{f.Path, f.Content})
	}
	if path := m.files[0].path; server.ExtraArgs[0].Value != path || server.ExtraVolumes[0].MountPath != filepath.Dir(path) ||
		server.ExtraVolumes[0].HostPath != filepath.Dir(path) {
		t.Errorf("the API server does not find %s: %+v", path, server)
	}
	return m
}

// testControlPlane: Cluster API accepts a control plane with the patch.
func testControlPlane(t *testing.T, hub cluster) {
	t.Helper()
	var patch map[string]any
	if err := yaml.Unmarshal(sample(t, "kubeadmcontrolplane-patch.yaml"), &patch); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "controlplane.cluster.x-k8s.io/v1beta2", "kind": "KubeadmControlPlane",
		"metadata": map[string]any{"name": "london", "namespace": namespace},
		"spec": map[string]any{
			"version": "v1.36.3",
			"machineTemplate": map[string]any{"spec": map[string]any{"infrastructureRef": map[string]any{
				"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "DevMachineTemplate", "name": "london",
			}}},
		},
	}}
	if err := hub.k8s.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	strict := client.WithFieldValidation(hub.k8s, metav1.FieldValidationStrict)
	if err := strict.Patch(t.Context(), object, client.RawPatch("application/merge-patch+json", raw)); err != nil {
		t.Error(err)
	}
}
