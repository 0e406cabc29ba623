// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/applied"
	"github.com/capi-inventory/capi-inventory/internal/profile"
)

// applyProfile applies metadata and spec, unless that would change nothing. It returns the profile's generation; or, where
// the profile has been written too often of late, after how long to come again.
func (r *Reconciler) applyProfile(ctx context.Context, key types.NamespacedName, wanted *inventoryac.ClusterProfileApplyConfiguration, live *inventoryv1alpha1.ClusterProfile, out *outcome) (generation int64, wait time.Duration, err error) {
	if live != nil {
		same, err := applied.Unchanged(live, wanted, profile.FieldManager, "")
		if err != nil {
			return 0, 0, err
		}
		if same {
			suppressed.WithLabelValues("profile").Inc()
			return live.Generation, 0, nil
		}
		if wait := r.writes.limit(key); wait > 0 {
			return live.Generation, wait, nil
		}
	}
	err = r.client.Apply(ctx, wanted, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	count("profile", err)
	if err != nil {
		return 0, 0, fmt.Errorf("applying ClusterProfile %s: %w", key, err)
	}
	out.wrote = true
	// The answer is in the apply configuration.
	r.writes.wrote(key, *wanted.ResourceVersion)
	return *wanted.Generation, 0, nil
}

// applyStatus applies the status, unless that would change nothing. A changed endpoint goes out at once, whatever was
// written of late: until it does, no consumer reaches the spoke.
func (r *Reconciler) applyStatus(ctx context.Context, key types.NamespacedName, wanted *inventoryac.ClusterProfileApplyConfiguration, live *inventoryv1alpha1.ClusterProfile, out *outcome) (wait time.Duration, err error) {
	if live != nil {
		same, err := applied.Unchanged(live, wanted, profile.FieldManager, "status")
		if err != nil {
			return 0, err
		}
		if same {
			suppressed.WithLabelValues("status").Inc()
			return 0, nil
		}
		if !accessChanged(live, wanted) {
			if wait := r.writes.limit(key); wait > 0 {
				return wait, nil
			}
		}
	}
	err = r.client.Status().Apply(ctx, wanted, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	count("status", err)
	if err != nil {
		return 0, fmt.Errorf("applying the status of ClusterProfile %s: %w", key, err)
	}
	out.wrote = true
	r.writes.wrote(key, *wanted.ResourceVersion)
	return 0, nil
}

// accessChanged reports whether a wanted access provider is not published as it should be.
func accessChanged(live *inventoryv1alpha1.ClusterProfile, wanted *inventoryac.ClusterProfileApplyConfiguration) bool {
	published := map[string]clientcmdv1.Cluster{}
	for _, provider := range live.Status.AccessProviders {
		published[provider.Name] = provider.Cluster
	}
	for _, provider := range wanted.Status.AccessProviders {
		cluster, ok := published[*provider.Name]
		if !ok || encode(cluster) != encode(*provider.Cluster) {
			return true
		}
	}
	return false
}

func encode(cluster clientcmdv1.Cluster) string {
	raw, err := json.Marshal(cluster)
	if err != nil {
		// An extension that is not JSON: never what is published.
		return ""
	}
	return string(raw)
}
