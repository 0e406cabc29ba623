// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// The objects of one Cluster, for NAME and NAMESPACE.
var (
	//go:embed objects/cluster.yaml
	clusterYAML string
	//go:embed objects/controlplane.yaml
	controlPlaneYAML string
)

// sizes are the bytes of a Cluster's objects in JSON as the API server gives them, managedFields and all, by kind. That of a Secret is its
// kubeconfig's.
type sizes map[string]int

func (s sizes) add(object *unstructured.Unstructured) error {
	raw, err := object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("encoding a %s: %w", object.GetKind(), err)
	}
	s[object.GetKind()] = len(raw)
	return nil
}

func (s sizes) String() string {
	all := make([]string, 0, len(s))
	for _, kind := range slices.Sorted(maps.Keys(s)) {
		all = append(all, fmt.Sprintf("a %s of %.1f KiB", kind, float64(s[kind])/1024))
	}
	return strings.Join(all, ", ")
}

func clusterName(n int) string { return fmt.Sprintf("workload-%05d", n) }

// makeCluster makes what Cluster API's controllers leave of one Cluster, but for its Secrets: the Cluster and, where the hub has them, its
// control plane. It may be repeated.
func makeCluster(ctx context.Context, hub client.Client, name types.NamespacedName, shape shape) ([]*unstructured.Unstructured, error) {
	cluster, err := makeObject(ctx, hub, clusterYAML, name, shape.trim)
	if err != nil || shape.withoutControlPlanes {
		return []*unstructured.Unstructured{cluster}, err
	}
	controlPlane, err := makeObject(ctx, hub, controlPlaneYAML, name, func(*unstructured.Unstructured) {})
	return []*unstructured.Unstructured{cluster, controlPlane}, err
}

// makeKubeconfig makes the Secret with the credentials of a Cluster's administrator, and returns the size of the kubeconfig. It may be
// repeated.
func makeKubeconfig(ctx context.Context, hub client.Client, name types.NamespacedName, admin *rest.Config) (int, error) {
	raw := fixture.Kubeconfig(name.Name, admin, "")
	secret := fixture.KubeconfigSecret(name.Namespace, name.Name, raw)
	if err := hub.Create(ctx, secret, client.FieldOwner("manager")); client.IgnoreAlreadyExists(err) != nil {
		return 0, fmt.Errorf("making a kubeconfig Secret: %w", err)
	}
	return len(raw), nil
}

// makeObject makes an object as a user and a controller do together: the one by kubectl, the other the status.
func makeObject(
	ctx context.Context, hub client.Client, manifest string, name types.NamespacedName, change func(*unstructured.Unstructured),
) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	filled := strings.NewReplacer("NAMESPACE", name.Namespace, "NAME", name.Name).Replace(manifest)
	if err := yaml.Unmarshal([]byte(filled), object); err != nil {
		return nil, fmt.Errorf("reading a manifest: %w", err)
	}
	change(object)
	status := object.Object["status"]
	if err := hub.Create(ctx, object, client.FieldOwner("kubectl-client-side-apply")); client.IgnoreAlreadyExists(err) != nil {
		return nil, fmt.Errorf("making a %s: %w", object.GetKind(), err)
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return nil, fmt.Errorf("encoding the status of a %s: %w", object.GetKind(), err)
	}
	if err := hub.Status().Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner("manager")); err != nil {
		return nil, fmt.Errorf("writing the status of a %s: %w", object.GetKind(), err)
	}
	return object, nil
}

// rewriteKubeconfig writes another server, or the same where it is empty, and another token into a kubeconfig Secret.
func rewriteKubeconfig(secret *corev1.Secret, cluster, server, token string) error {
	before, err := endpoint.Parse(secret.Data["value"])
	if err != nil {
		return err
	}
	secret.Data["value"] = fixture.Kubeconfig(cluster, &rest.Config{
		Host: before.Server, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: before.CertificateAuthorityData},
	}, server)
	return nil
}
