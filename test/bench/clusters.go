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

// makeCluster makes what Cluster API's controllers leave of one Cluster.
func makeCluster(ctx context.Context, hub client.Client, authority *authority, namespace string, n int) (made sizes, err error) {
	if made.cluster, err = makeObject(ctx, hub, clusterYAML, namespace, clusterName(n)); err != nil {
		return made, err
	}
	if made.controlPlane, err = makeObject(ctx, hub, controlPlaneYAML, namespace, clusterName(n)); err != nil {
		return made, err
	}
	credentials, err := authority.credentials(n)
	if err != nil {
		return made, err
	}
	raw := fixture.Kubeconfig(clusterName(n), credentials, "")
	made.secret = len(raw)
	if err := hub.Create(ctx, fixture.KubeconfigSecret(namespace, clusterName(n), raw), client.FieldOwner("manager")); err != nil {
		return made, fmt.Errorf("making a kubeconfig Secret: %w", err)
	}
	return made, nil
}

// makeObject makes an object as a user and a controller do together: the one by kubectl, the other the status.
func makeObject(ctx context.Context, hub client.Client, manifest, namespace, name string) (size int, err error) {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.NewReplacer("NAMESPACE", namespace, "NAME", name).Replace(manifest)), object); err != nil {
		return 0, fmt.Errorf("reading a manifest: %w", err)
	}
	status := object.Object["status"]
	if err := hub.Create(ctx, object, client.FieldOwner("kubectl-client-side-apply")); err != nil {
		return 0, fmt.Errorf("making a %s: %w", object.GetKind(), err)
	}
	object.Object["status"] = status
	if err := hub.Status().Update(ctx, object, client.FieldOwner("manager")); err != nil {
		return 0, fmt.Errorf("writing the status of a %s: %w", object.GetKind(), err)
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return 0, fmt.Errorf("encoding a %s: %w", object.GetKind(), err)
	}
	return len(raw), nil
}

// readEndpoint is the endpoint of a kubeconfig Secret, as the publisher reads it.
func readEndpoint(ctx context.Context, hub client.Client, name types.NamespacedName, key string) (endpoint.Endpoint, error) {
	secret := &corev1.Secret{}
	if err := hub.Get(ctx, name, secret); err != nil {
		return endpoint.Endpoint{}, fmt.Errorf("reading a kubeconfig Secret: %w", err)
	}
	return endpoint.Parse(secret.Data[key])
}

// moveEndpoint rewrites a kubeconfig Secret for another server.
func moveEndpoint(secret *corev1.Secret, cluster, server string) error {
	before, err := endpoint.Parse(secret.Data["value"])
	if err != nil {
		return err
	}
	secret.Data["value"] = fixture.Kubeconfig(cluster, &rest.Config{
		BearerToken: "moved", TLSClientConfig: rest.TLSClientConfig{CAData: before.CertificateAuthorityData},
	}, server)
	return nil
}
