// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
)

// pass is one reconcile of a Cluster.
type pass struct {
	snapshot *source.Snapshot
	cluster  *clusterv1.Cluster
	// namespaceLabels are those of the Cluster's namespace.
	namespaceLabels labels.Set
	claims          profile.Claims
	// object is the Cluster as the expressions of all its Inventories see it.
	object *profile.ClusterObject
}

func (p pass) key() types.NamespacedName { return client.ObjectKeyFromObject(p.cluster) }

// newPass finds the Inventories that publish a Cluster.
func (r *Reconciler) newPass(ctx context.Context, snapshot *source.Snapshot, cluster *clusterv1.Cluster) (pass, error) {
	namespaceLabels, err := r.namespaceLabels(ctx, cluster.Namespace)
	if err != nil {
		return pass{}, err
	}
	claims, err := snapshot.Claims(r.Index.ForCluster(client.ObjectKeyFromObject(cluster)), cluster, namespaceLabels)
	if err != nil {
		return pass{}, err
	}
	return pass{
		snapshot:        snapshot,
		cluster:         cluster,
		namespaceLabels: namespaceLabels,
		claims:          claims,
		object:          &profile.ClusterObject{},
	}, nil
}

// inventories returns those that publish the Cluster.
func (p pass) inventories() []*profile.Inventory {
	inventories := make([]*profile.Inventory, 0, len(p.claims.Granted))
	for _, claim := range p.claims.Granted {
		inventories = append(inventories, claim.Inventory)
	}
	return inventories
}
