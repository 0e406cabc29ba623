// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// managementCluster is the kind cluster with Cluster API on which everything happens.
type managementCluster struct {
	name       string // kind's
	kubeconfig string
	config     *rest.Config
	// kubernetes is the version that workload clusters on Docker get: the node image decides.
	kubernetes string
	ours       bool
}

// ownHub is the kind cluster that the suite makes where it is given no hub.
const ownHub = "capi-inventory-e2e"

func nodeImage() string { return os.Getenv("KIND_IMAGE") }

func keep() bool { return os.Getenv("E2E_KEEP") != "" }

// artifacts is where everything goes that is to be looked at afterwards.
func artifacts() string {
	if folder := os.Getenv("E2E_ARTIFACTS"); folder != "" {
		return fromRoot(folder)
	}
	return fromRoot("_artifacts/e2e")
}

// fromRoot reads a path as the one who calls make means it; a test runs in the folder of its package.
func fromRoot(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}

func prepareHub(ctx context.Context) (*managementCluster, error) {
	if kubeconfig := os.Getenv("E2E_HUB_KUBECONFIG"); kubeconfig != "" {
		return connect(fromRoot(kubeconfig))
	}
	folder, err := filepath.Abs(artifacts())
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	made := &managementCluster{name: ownHub, kubeconfig: filepath.Join(folder, "hub.kubeconfig"), ours: true}
	if err := makeHub(ctx, made.kubeconfig); err != nil {
		return nil, errors.Join(err, made.leave(ctx))
	}
	if made, err = connect(made.kubeconfig); err != nil {
		return nil, err
	}
	made.ours = true
	return made, nil
}

// connect uses the current context of a kubeconfig, which has to be one of kind's: its name is the cluster's.
func connect(kubeconfig string) (*managementCluster, error) {
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}
	file, err := rules.Load()
	if err != nil {
		return nil, err
	}
	name, isKind := strings.CutPrefix(file.CurrentContext, "kind-")
	if !isKind {
		return nil, fmt.Errorf(
			"%s: current-context: %q is none of kind's: images are loaded with kind, so it must be kind-NAME",
			kubeconfig,
			file.CurrentContext,
		)
	}
	config, err := clientcmd.NewDefaultClientConfig(*file, nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst, config.WarningHandler = 100, 200, rest.NoWarnings{}
	version, err := kubernetesVersion(config)
	if err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(kubeconfig)
	if err != nil {
		return nil, err
	}
	say("The hub is the kind cluster %s", name)
	return &managementCluster{name: name, kubeconfig: absolute, config: config, kubernetes: version}, nil
}

var tagged = regexp.MustCompile(`:(v\d+\.\d+\.\d+)`)

// kubernetesVersion is that of the node image where it is chosen, else the hub's own.
func kubernetesVersion(config *rest.Config) (string, error) {
	if tag := tagged.FindStringSubmatch(nodeImage()); tag != nil {
		return tag[1], nil
	}
	asking, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return "", err
	}
	version, err := asking.ServerVersion()
	if err != nil {
		return "", err
	}
	return version.GitVersion, nil
}

// The Docker provider makes containers beside the hub's own, so it has to reach the engine.
const kindConfig = `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraMounts:
  - {hostPath: /var/run/docker.sock, containerPath: /var/run/docker.sock}
`

// makeHub makes a kind cluster and installs Cluster API, at the version that we are built with; one that an earlier run has
// kept is used as it is.
func makeHub(ctx context.Context, kubeconfig string) error {
	clusters, err := tool(ctx, nil, "kind", "get", "clusters", "-q")
	if err != nil {
		return err
	}
	if slices.Contains(strings.Fields(clusters), ownHub) {
		_, err := tool(ctx, nil, "kind", "export", "kubeconfig", "--name", ownHub, "--kubeconfig", kubeconfig)
		return err
	}
	say("Making the kind cluster %s", ownHub)
	nodes, err := os.CreateTemp("", "kind-*.yaml")
	if err != nil {
		return err
	}
	defer os.Remove(nodes.Name())
	if err := os.WriteFile(nodes.Name(), []byte(kindConfig), 0o600); err != nil {
		return err
	}
	args := []string{"create", "cluster", "--name", ownHub, "--kubeconfig", kubeconfig, "--config", nodes.Name(), "--wait", "3m"}
	if image := nodeImage(); image != "" {
		args = append(args, "--image", image)
	}
	if _, err := tool(ctx, nil, "kind", args...); err != nil {
		return err
	}
	version, err := run(ctx, nil, "go", "list", "-m", "-f", "{{.Version}}", "sigs.k8s.io/cluster-api/api")
	if err != nil {
		return err
	}
	say("Installing Cluster API %s with clusterctl", version)
	return initClusterAPI(ctx, kubeconfig, version)
}

func initClusterAPI(ctx context.Context, kubeconfig, version string) error {
	features := []string{"CLUSTER_TOPOLOGY=true", "EXP_RUNTIME_SDK=true"}
	_, err := tool(ctx, features, "clusterctl", "init", "--kubeconfig", kubeconfig, "--wait-providers",
		"--core", "cluster-api:"+version, "--bootstrap", "kubeadm:"+version,
		"--control-plane", "kubeadm:"+version, "--infrastructure", "docker:"+version)
	return err
}

// leave deletes the hub if the suite has made it.
func (h *managementCluster) leave(ctx context.Context) error {
	if !h.ours || keep() {
		return nil
	}
	say("Deleting the kind cluster %s", h.name)
	_, err := tool(ctx, nil, "kind", "delete", "cluster", "--name", h.name, "--kubeconfig", h.kubeconfig)
	return err
}
