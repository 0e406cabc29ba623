// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

func clusterItself(_ context.Context, object client.Object) []types.NamespacedName {
	return []types.NamespacedName{client.ObjectKeyFromObject(object)}
}

// clustersOfSecret finds the Cluster by the label and by the name: providers do not agree on either for a user's kubeconfig.
// The cache keeps the label only of a kubeconfig, by its name, and only if it differs from the name.
func clustersOfSecret(_ context.Context, object client.Object) []types.NamespacedName {
	var clusters []types.NamespacedName
	if labelled := object.GetLabels()[clusterv1.ClusterNameLabel]; labelled != "" {
		clusters = append(clusters, types.NamespacedName{Namespace: object.GetNamespace(), Name: labelled})
	}
	if named, ok := strings.CutSuffix(object.GetName(), cache.KubeconfigSuffix); ok {
		clusters = append(clusters, types.NamespacedName{Namespace: object.GetNamespace(), Name: named})
	}
	return clusters
}

func clusterOfProfile(_ context.Context, object client.Object) []types.NamespacedName {
	if source, named := profile.LabelledCluster(object); named {
		return []types.NamespacedName{source}
	}
	return nil
}

// clustersOfGrant finds the Cluster that an AccessGrant names, and the one whose profile it has its name from: another one where
// another writer has taken the name.
func (r *Reconciler) clustersOfGrant(ctx context.Context, object client.Object) []types.NamespacedName {
	grant, ok := object.(*v1alpha1.AccessGrant)
	if !ok {
		return nil
	}
	clusters := []types.NamespacedName{{Namespace: grant.Spec.Cluster.Namespace, Name: grant.Spec.Cluster.Name}}
	var published inventoryv1alpha1.ClusterProfile
	key := types.NamespacedName{Namespace: grant.Namespace, Name: profile.ProfileOfGrant(grant.Name)}
	if err := r.Client.Get(ctx, key, &published); err != nil {
		// Without a profile nobody waits for the name.
		return clusters
	}
	if source, named := profile.LabelledCluster(&published); named && source != clusters[0] {
		clusters = append(clusters, source)
	}
	return clusters
}

// clustersOfInventory finds all Clusters, and those that only profiles of the Inventory name: they are gone, or not watched.
func (r *Reconciler) clustersOfInventory(ctx context.Context, inventory client.Object) []types.NamespacedName {
	clusters := r.clustersIn(ctx, "")
	for _, published := range r.Index.ForInventory(inventory.GetName()) {
		if source, _ := profile.LabelledCluster(published); !r.scope.watches(source.Namespace) {
			clusters = append(clusters, source)
		}
	}
	return clusters
}

// clustersOfNamespace finds the Clusters of a namespace, and all Clusters if an Inventory publishes into it.
func (r *Reconciler) clustersOfNamespace(ctx context.Context, object client.Object) []types.NamespacedName {
	var list v1alpha1.InventoryList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "Could not list Inventories for a changed namespace")
	}
	for i := range list.Items {
		if list.Items[i].Spec.Namespace == object.GetName() {
			return r.clustersIn(ctx, "")
		}
	}
	return r.clustersIn(ctx, object.GetName())
}

// clustersIn finds the Clusters of a namespace; of all namespaces if it is empty.
func (r *Reconciler) clustersIn(ctx context.Context, namespace string) []types.NamespacedName {
	if namespace != "" && !r.scope.watches(namespace) {
		return nil
	}
	var clusters clusterv1.ClusterList
	if err := r.Client.List(ctx, &clusters, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "Could not list Clusters")
		return nil
	}
	var keys []types.NamespacedName
	for i := range clusters.Items {
		keys = append(keys, client.ObjectKeyFromObject(&clusters.Items[i]))
	}
	return keys
}
