// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Filter selects profiles; the zero value selects all.
type Filter struct {
	// Selector is for the profile's labels; nil selects all.
	Selector labels.Selector
	// ClusterManager is the name in spec.clusterManager; empty selects all.
	ClusterManager string
}

// Selects reports whether a profile is watched.
func (f Filter) Selects(profile *inventoryv1alpha1.ClusterProfile) bool {
	return (f.Selector == nil || f.Selector.Matches(labels.Set(profile.Labels))) &&
		(f.ClusterManager == "" || f.ClusterManager == profile.Spec.ClusterManager.Name)
}

// List returns the profiles that the filter selects, in the order in which the hub lists them. No namespaces means all.
func (f Filter) List(ctx context.Context, hub client.Reader, namespaces []string) ([]inventoryv1alpha1.ClusterProfile, error) {
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	var profiles []inventoryv1alpha1.ClusterProfile
	for _, namespace := range namespaces {
		var list inventoryv1alpha1.ClusterProfileList
		if err := hub.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return nil, fmt.Errorf("listing profiles: %w", err)
		}
		for _, profile := range list.Items {
			if f.Selects(&profile) {
				profiles = append(profiles, profile)
			}
		}
	}
	return profiles, nil
}
