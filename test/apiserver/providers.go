// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"os"
	"path/filepath"
)

// providers are the modules of Cluster API providers, and the files in which they keep the CRDs that a Cluster refers to.
var providers = []struct {
	module string
	files  []string
}{
	{"sigs.k8s.io/cluster-api-provider-aws/v2", []string{
		"config/crd/bases/controlplane.cluster.x-k8s.io_awsmanagedcontrolplanes.yaml",
		"config/crd/bases/infrastructure.cluster.x-k8s.io_awsmanagedclusters.yaml",
		"config/crd/bases/controlplane.cluster.x-k8s.io_rosacontrolplanes.yaml",
		"config/crd/bases/infrastructure.cluster.x-k8s.io_rosaclusters.yaml",
		"config/crd/bases/infrastructure.cluster.x-k8s.io_awsclusters.yaml",
	}},
	{"sigs.k8s.io/cluster-api-provider-azure", []string{
		"config/crd/bases/infrastructure.cluster.x-k8s.io_azureasomanagedcontrolplanes.yaml",
		"config/crd/bases/infrastructure.cluster.x-k8s.io_azureasomanagedclusters.yaml",
		"config/crd/bases/infrastructure.cluster.x-k8s.io_azuremanagedcontrolplanes.yaml",
		"config/crd/bases/infrastructure.cluster.x-k8s.io_azuremanagedclusters.yaml",
	}},
	{"sigs.k8s.io/cluster-api-provider-gcp", []string{
		"config/crd/bases/infrastructure.cluster.x-k8s.io_gcpmanagedcontrolplanes.yaml",
		"config/crd/bases/infrastructure.cluster.x-k8s.io_gcpmanagedclusters.yaml",
	}},
	{"github.com/clastix/kamaji", []string{
		"config/crd/bases/kamaji.clastix.io_tenantcontrolplanes.yaml",
	}},
}

// Providers are the control planes and infrastructure of managed and hosted clusters: the providers' own CRDs, from the modules
// that test/providers pins, and the shapes that it keeps of those whose modules cannot be had.
var Providers CRDs = func(root string) ([]byte, error) {
	var manifests []byte
	for _, provider := range providers {
		crds, err := fromModule(root, "test/providers/go.mod", provider.module, provider.files...)
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, crds...)
	}
	shapes, err := filepath.Glob(filepath.Join(root, "test/providers/shapes/*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("finding the shapes of providers: %w", err)
	}
	for _, shape := range shapes {
		content, err := os.ReadFile(shape)
		if err != nil {
			return nil, fmt.Errorf("reading a shape: %w", err)
		}
		manifests = append(append(manifests, content...), "\n---\n"...)
	}
	return manifests, nil
}
