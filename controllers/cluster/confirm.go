// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// isCurrent reports whether a decision to take something away was made of what the API server has now: the Cluster, its namespace and the
// Inventories of the names. Nothing is deleted because of a cache alone: it may have been filled by an API server that lags behind, and
// what an earlier Inventory did not select, this one may.
func (r *Reconciler) isCurrent(ctx context.Context, p pass, inventories ...string) (bool, error) {
	if current, err := r.isClusterCurrent(ctx, p); err != nil || !current {
		return false, err
	}
	for _, name := range inventories {
		if revision, err := r.inventoryRevision(ctx, name); err != nil || revision != p.snapshot.Revisions[name] {
			return false, err
		}
	}
	return true, nil
}

// isClusterCurrent reports whether the Cluster of a pass, and the labels of its namespace, are what the API server has now, as far as
// Inventories select by it.
func (r *Reconciler) isClusterCurrent(ctx context.Context, p pass) (bool, error) {
	cluster, err := r.liveCluster(ctx, p.key())
	if err != nil || cluster == nil {
		return false, err
	}
	if cluster.UID != p.cluster.UID || cluster.Generation != p.cluster.Generation || !maps.Equal(cluster.Labels, p.cluster.Labels) {
		return false, nil
	}
	namespace := newNamespaceMetadata()
	if err := r.APIReader.Get(ctx, types.NamespacedName{Name: cluster.Namespace}, namespace); err != nil {
		return false, fmt.Errorf("looking up the namespace %q: %w", cluster.Namespace, err)
	}
	return maps.Equal(namespace.Labels, p.namespaceLabels), nil
}

// inventoryRevision returns the revision of an Inventory on the API server; zero if there is none, or if it is being deleted. The name may
// be one that an AccessGrant of another writer says, and that none can have: client-go would refuse to ask for it.
func (r *Reconciler) inventoryRevision(ctx context.Context, name string) (profile.Revision, error) {
	if len(content.IsPathSegmentName(name)) > 0 {
		return profile.Revision{}, nil
	}
	inventory := &v1alpha1.Inventory{}
	switch err := r.APIReader.Get(ctx, types.NamespacedName{Name: name}, inventory); {
	case apierror.IsNotFound(err):
		return profile.Revision{}, nil
	case err != nil:
		return profile.Revision{}, fmt.Errorf("looking up the Inventory %q: %w", name, err)
	case !inventory.DeletionTimestamp.IsZero():
		return profile.Revision{}, nil
	}
	return profile.RevisionOf(inventory), nil
}

// clusterUID returns the UID of a Cluster on the API server; empty if there is none.
func (r *Reconciler) clusterUID(ctx context.Context, key types.NamespacedName) (types.UID, error) {
	cluster, err := r.liveCluster(ctx, key)
	if err != nil || cluster == nil {
		return "", err
	}
	return cluster.UID, nil
}

// liveCluster returns a Cluster as it is on the API server; nil if there is none.
func (r *Reconciler) liveCluster(ctx context.Context, key types.NamespacedName) (*clusterv1.Cluster, error) {
	cluster := &clusterv1.Cluster{}
	if err := r.APIReader.Get(ctx, key, cluster); apierror.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("looking up the Cluster: %w", err)
	}
	return cluster, nil
}
