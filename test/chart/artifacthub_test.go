// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// TestArtifactHub: what the chart says of itself to Artifact Hub names the CRDs that it brings, and an example that the hub takes.
func TestArtifactHub(t *testing.T) {
	var metadata struct{ Annotations map[string]string }
	if err := yaml.Unmarshal([]byte(contents(t, filepath.Join(chart, "Chart.yaml"))), &metadata); err != nil {
		t.Fatal(err)
	}
	type definition struct{ Kind, Version, Name string }
	var listed, want []definition
	if err := yaml.Unmarshal([]byte(metadata.Annotations["artifacthub.io/crds"]), &listed); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(chart, "crds", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(contents(t, file)), &crd); err != nil {
			t.Fatal(err)
		}
		want = append(want, definition{crd.Spec.Names.Kind, crd.Spec.Versions[0].Name, crd.Name})
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("artifacthub.io/crds, -crds +listed:\n%s", diff)
	}

	var examples []map[string]any
	if err := yaml.Unmarshal([]byte(metadata.Annotations["artifacthub.io/crdsExamples"]), &examples); err != nil || len(examples) == 0 {
		t.Fatal(len(examples), err)
	}
	for _, example := range examples {
		accept(t, &unstructured.Unstructured{Object: example})
	}
}
