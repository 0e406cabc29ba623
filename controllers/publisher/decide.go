// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// decide finds the Inventories that publish a Cluster.
func (r *Reconciler) decide(ctx context.Context, view *view, cluster *clusterv1.Cluster) (profile.Claims, error) {
	namespaceLabels, err := r.namespaceLabels(ctx, cluster.Namespace)
	if err != nil {
		return profile.Claims{}, err
	}
	kept, err := r.kept(view, client.ObjectKeyFromObject(cluster))
	if err != nil {
		return profile.Claims{}, err
	}
	return profile.Decide(view.usable, kept, cluster, namespaceLabels), nil
}

// kept names, by namespace, the Inventories that cannot be compiled and have published the Cluster there.
func (r *Reconciler) kept(view *view, cluster types.NamespacedName) (map[string]string, error) {
	return profile.Kept(r.index.of(cluster), view.faults)
}

// references are the objects that the Cluster refers to and its profiles are made of.
func references(claims profile.Claims, cluster *clusterv1.Cluster) []clusterv1.ContractVersionedObjectReference {
	var refs []clusterv1.ContractVersionedObjectReference
	for _, claim := range claims.Granted {
		if claim.Inventory.UsesControlPlane(cluster) {
			refs = append(refs, cluster.Spec.ControlPlaneRef)
		}
		if claim.Inventory.Uses(cel.Infrastructure) {
			refs = append(refs, cluster.Spec.InfrastructureRef)
		}
	}
	return refs
}

func (r *Reconciler) namespaceLabels(ctx context.Context, name string) (labels.Set, error) {
	namespace, err := r.namespace(ctx, name)
	if err != nil {
		return nil, err
	}
	if namespace == nil {
		// A Cluster lives in it, so it exists: the informer is behind, and nobody is deselected on that ground.
		return nil, fmt.Errorf("the namespace %q is not in the cache yet", name)
	}
	return namespace.Labels, nil
}

// namespace returns the metadata of a namespace; nil where there is none.
func (r *Reconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := newNamespaceMetadata()
	if err := r.client.Get(ctx, types.NamespacedName{Name: name}, namespace); apierrors.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading the namespace %q: %w", name, err)
	}
	return namespace, nil
}
