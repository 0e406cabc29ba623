// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
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

// sizes are the bytes of one Cluster's objects in JSON as the API server gives them, managedFields and all.
type sizes struct{ cluster, controlPlane, secret int }

func (s sizes) String() string {
	const kib = 1024.0
	return fmt.Sprintf("a Cluster of %.1f KiB, a control plane of %.1f KiB, a Secret with a kubeconfig of %.1f KiB",
		float64(s.cluster)/kib, float64(s.controlPlane)/kib, float64(s.secret)/kib)
}

func clusterName(n int) string { return fmt.Sprintf("workload-%05d", n) }

// makeCluster makes what Cluster API's controllers leave of one Cluster, but for its kubeconfig. It may be repeated.
func makeCluster(ctx context.Context, hub client.Client, name types.NamespacedName, shape shape) (made sizes, err error) {
	if made.cluster, err = makeObject(ctx, hub, clusterYAML, name, shape.trim); err != nil {
		return made, err
	}
	if !shape.withoutControlPlanes {
		asItIs := func(*unstructured.Unstructured) {}
		if made.controlPlane, err = makeObject(ctx, hub, controlPlaneYAML, name, asItIs); err != nil {
			return made, err
		}
	}
	return made, shape.makeSecrets(ctx, hub, name)
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
) (size int, err error) {
	object := &unstructured.Unstructured{}
	filled := strings.NewReplacer("NAMESPACE", name.Namespace, "NAME", name.Name).Replace(manifest)
	if err := yaml.Unmarshal([]byte(filled), object); err != nil {
		return 0, fmt.Errorf("reading a manifest: %w", err)
	}
	change(object)
	status := object.Object["status"]
	if err := hub.Create(ctx, object, client.FieldOwner("kubectl-client-side-apply")); client.IgnoreAlreadyExists(err) != nil {
		return 0, fmt.Errorf("making a %s: %w", object.GetKind(), err)
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return 0, fmt.Errorf("encoding the status of a %s: %w", object.GetKind(), err)
	}
	if err := hub.Status().Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner("manager")); err != nil {
		return 0, fmt.Errorf("writing the status of a %s: %w", object.GetKind(), err)
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return 0, fmt.Errorf("encoding a %s: %w", object.GetKind(), err)
	}
	return len(raw), nil
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
