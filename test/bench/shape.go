// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// shape is how a hub differs from the ordinary one, which is the zero value.
type shape struct {
	name string
	// inventories is how many publish each Cluster beside the first, each into a namespace of its own.
	inventories int
	// properties is how many expressions each Inventory has.
	properties int
	// secrets is how many a Cluster has beside its kubeconfig, with its label, as each Machine has one.
	secrets int
	// withoutVersions is a hub of Cluster API 1.13, whose Clusters do not report their versions, so that control planes are watched.
	withoutVersions bool
	// withoutControlPlanes is a hub on which they are not made: nobody watches them where Clusters report their versions.
	withoutControlPlanes bool
	// withoutOldVersions is a hub that serves Clusters in the version alone that it stores: the API server keeps every Cluster in memory once
	// for each version that it serves.
	withoutOldVersions bool
	// withoutCacheChecks is a hub whose API server does not compare its caches with etcd every five minutes: to do so it lists every object
	// once more, in memory.
	withoutCacheChecks bool
}

// shapes are the columns of the table of -shapes.
var shapes = []shape{
	{name: "ordinary"},
	{name: "5 Inventories", inventories: 4},
	{name: "64 properties", properties: 64},
	{name: "5 Secrets more for each", secrets: 5},
	{name: "Cluster API 1.13", withoutVersions: true},
}

// flags are those of the hub's API server.
func (s shape) flags() []apiserver.Flag {
	if !s.withoutCacheChecks {
		return nil
	}
	return []apiserver.Flag{{Name: "feature-gates", Value: "DetectCacheInconsistency=false"}}
}

// profiles is how many there are when all Clusters are published.
func (s *stage) profiles() int { return s.size * (1 + s.shape.inventories) }

// makeInventories makes Inventories that select nothing yet.
func (s *stage) makeInventories(ctx context.Context) error {
	spec := v1alpha1.InventorySpec{
		NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{selectLabel: "true"}},
		Properties:        s.shape.expressions(0),
	}
	for n := range s.shape.inventories {
		name := fmt.Sprintf("%s-%d", fleet, n)
		if err := s.makeNamespace(ctx, name); err != nil {
			return err
		}
		spec.Namespace = name
		if _, err := s.makeInventory(ctx, name, spec); err != nil {
			return err
		}
	}
	spec.Namespace = ""
	var err error
	s.inventory, err = s.makeInventory(ctx, "default", spec)
	return err
}

// editProperty is the name of the property that shows the last edit of an Inventory.
const editProperty = "edit.example.com"

// expressions are those of an Inventory; after an edit, the value of the first one is its number.
func (s shape) expressions(edit int) []v1alpha1.PropertyExpression {
	all := []v1alpha1.PropertyExpression{}
	for n := range s.properties {
		all = append(all, v1alpha1.PropertyExpression{
			Name:       fmt.Sprintf("property-%02d.example.com", n),
			Expression: v1alpha1.Expression(fmt.Sprintf("cluster.metadata.labels['team'] + '-%d'", n)),
		})
	}
	if edit > 0 {
		edited := v1alpha1.PropertyExpression{Name: editProperty, Expression: v1alpha1.Expression(fmt.Sprintf("'%d'", edit))}
		all = append([]v1alpha1.PropertyExpression{edited}, all[:max(len(all)-1, 0)]...)
	}
	return all
}

// serve changes which versions of Clusters the hub serves, before there are any: all, or only the one that it stores.
func (s shape) serve(ctx context.Context, hub client.Client) error {
	if !s.withoutOldVersions {
		return nil
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := hub.Get(ctx, client.ObjectKey{Name: "clusters." + clusterv1.GroupVersion.Group}, &crd); err != nil {
		return fmt.Errorf("reading the CRD of Clusters: %w", err)
	}
	for i := range crd.Spec.Versions {
		version := &crd.Spec.Versions[i]
		version.Served = version.Storage
	}
	if err := hub.Update(ctx, &crd); err != nil {
		return fmt.Errorf("changing the CRD of Clusters: %w", err)
	}
	return nil
}

// trim removes from a Cluster what this hub's Cluster API does not report.
func (s shape) trim(cluster *unstructured.Unstructured) {
	if s.withoutVersions {
		unstructured.RemoveNestedField(cluster.Object, "status", "controlPlane", "versions")
	}
}

// makeSecrets makes the Secrets of a Cluster's Machines. It may be repeated.
func (s shape) makeSecrets(ctx context.Context, hub client.Client, cluster types.NamespacedName) error {
	for n := range s.secrets {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: cluster.Namespace,
				Name:      fmt.Sprintf("%s-md-0-%d", cluster.Name, n),
				Labels:    map[string]string{clusterv1.ClusterNameLabel: cluster.Name},
			},
			Type: clusterv1.ClusterSecretType,
			Data: map[string][]byte{"value": make([]byte, bootstrapSize), "format": []byte("cloud-config")},
		}
		if err := hub.Create(ctx, secret); client.IgnoreAlreadyExists(err) != nil {
			return fmt.Errorf("making a Secret of a Machine: %w", err)
		}
	}
	return nil
}

// bootstrapSize is about how many bytes kubeadm's bootstrap data of a worker have.
const bootstrapSize = 8 << 10
