// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
)

// resolveClaims finds the Inventories that publish a Cluster.
func (r *Reconciler) resolveClaims(
	ctx context.Context, snapshot *source.Snapshot, cluster *clusterv1.Cluster,
) (profile.Claims, error) {
	namespaceLabels, err := r.namespaceLabels(ctx, cluster.Namespace)
	if err != nil {
		return profile.Claims{}, err
	}
	kept, err := r.keptByInvalid(snapshot, client.ObjectKeyFromObject(cluster))
	if err != nil {
		return profile.Claims{}, err
	}
	return profile.Decide(snapshot.Valid, kept, cluster, namespaceLabels), nil
}

// keptByInvalid returns, by namespace, the names of the invalid Inventories that have published the Cluster there.
func (r *Reconciler) keptByInvalid(snapshot *source.Snapshot, cluster types.NamespacedName) (map[string]string, error) {
	if len(snapshot.Invalid) == 0 {
		return nil, nil
	}
	kept := map[string]string{}
	for _, published := range r.Index.ForCluster(cluster) {
		live, err := profile.Read(published)
		if err != nil {
			return nil, err
		}
		if _, inventory, owned := live.Source(); owned && snapshot.Invalid[inventory] != nil {
			kept[live.Namespace] = inventory
		}
	}
	return kept, nil
}

// referencesOf returns the objects that the Cluster refers to and its profiles are made of.
func referencesOf(p pass) []clusterv1.ContractVersionedObjectReference {
	var refs []clusterv1.ContractVersionedObjectReference
	for _, claim := range p.claims.Granted {
		if claim.Inventory.UsesControlPlane(p.cluster) {
			refs = append(refs, p.cluster.Spec.ControlPlaneRef)
		}
		if claim.Inventory.Uses(cel.Infrastructure) {
			refs = append(refs, p.cluster.Spec.InfrastructureRef)
		}
	}
	return refs
}
