// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// CRDs names a set of CustomResourceDefinitions that a hub can be given.
type CRDs func(root string) ([]byte, error)

var (
	// ClusterProfiles is SIG-Multicluster's API, as the project installs it.
	ClusterProfiles CRDs = func(root string) ([]byte, error) { return kustomize(root, "config/crd/clusterprofile") }
	// Ours is the project's own API.
	Ours CRDs = func(root string) ([]byte, error) { return kustomize(root, "config/crd") }
	// ClusterAPI is the Cluster and the kubeadm control plane of Cluster API, without their conversion webhook.
	ClusterAPI CRDs = func(root string) ([]byte, error) {
		return fromModule(root, "go.tools.mod", "sigs.k8s.io/cluster-api",
			"core/config/crd/bases/cluster.x-k8s.io_clusters.yaml",
			"controlplane/kubeadm/config/crd/bases/controlplane.cluster.x-k8s.io_kubeadmcontrolplanes.yaml")
	}
)

// StartHub starts a control plane with every API that the publisher and the consumer work on.
func StartHub(flags ...Flag) (*Server, error) {
	hub, err := Start(flags...)
	if err != nil {
		return nil, err
	}
	if err := hub.Install(ClusterAPI, ClusterProfiles, Ours); err != nil {
		return nil, errors.Join(err, hub.Stop())
	}
	return hub, nil
}

// Install adds sets of CRDs and waits until the server serves them.
func (s *Server) Install(sets ...CRDs) error {
	root, err := projectRoot()
	if err != nil {
		return err
	}
	var all []*apiextensionsv1.CustomResourceDefinition
	for _, set := range sets {
		manifests, err := set(root)
		if err != nil {
			return err
		}
		crds, err := decode(manifests)
		if err != nil {
			return err
		}
		all = append(all, crds...)
	}
	if _, err := envtest.InstallCRDs(s.env.Config, envtest.CRDInstallOptions{CRDs: all, MaxTime: timeout}); err != nil {
		return fmt.Errorf("installing CRDs: %w", err)
	}
	return nil
}

func decode(manifests []byte) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	var crds []*apiextensionsv1.CustomResourceDefinition
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096); ; {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := decoder.Decode(crd); errors.Is(err, io.EOF) {
			return crds, nil
		} else if err != nil {
			return nil, fmt.Errorf("decoding a CRD: %w", err)
		}
		if crd.Name != "" {
			crds = append(crds, crd)
		}
	}
}

func kustomize(root, dir string) ([]byte, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, dir))
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", dir, err)
	}
	return resources.AsYaml()
}

// fromModule reads files of a module that the project pins, in the given file, for its manifests alone.
func fromModule(root, pins, module string, files ...string) ([]byte, error) {
	download := exec.Command("go", "mod", "download", "-modfile="+pins, "-json", module)
	download.Dir = root
	out, err := download.Output()
	if err != nil {
		return nil, fmt.Errorf("downloading the module %s: %w", module, err)
	}
	var at struct{ Dir string }
	if err := json.Unmarshal(out, &at); err != nil {
		return nil, fmt.Errorf("finding the module %s: %w", module, err)
	}
	var manifests []byte
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(at.Dir, file))
		if err != nil {
			return nil, fmt.Errorf("reading a CRD: %w", err)
		}
		manifests = append(append(manifests, content...), "\n---\n"...)
	}
	return manifests, nil
}

// projectRoot is the folder of go.mod: a test runs in its package's folder.
func projectRoot() (string, error) {
	gomod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("finding the project's root: %w", err)
	}
	return filepath.Dir(string(bytes.TrimSpace(gomod))), nil
}
