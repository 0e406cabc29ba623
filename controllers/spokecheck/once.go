// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"
	"sync"
	"time"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/expiry"
)

// Once probes every spoke whose profile the filter selects, workers at a time, and returns the SpokeChecks that the
// controller would write for fresh ones; it writes nothing. No namespaces means all. The checks are in the order in which the hub
// lists the profiles.
func Once(ctx context.Context, hub client.Reader, observer Checker, namespaces []string, filter Filter, workers int) (*v1alpha1.SpokeCheckList, error) {
	profiles, err := selected(ctx, hub, namespaces, filter)
	if err != nil {
		return nil, err
	}
	list := &v1alpha1.SpokeCheckList{Items: make([]v1alpha1.SpokeCheck, len(profiles))}
	list.APIVersion, list.Kind = v1alpha1.SchemeGroupVersion.String(), "SpokeCheckList"
	places := make(chan struct{}, workers)
	var running sync.WaitGroup
	for i := range profiles {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			seen := result{at: time.Now()}
			seen.Result = observer.Check(ctx, &profiles[i])
			seen.ends = new(expiry.Tracker).Learn(seen.at, seen.Expirations, true)
			list.Items[i] = fresh(&profiles[i], seen)
		})
	}
	running.Wait()
	return list, ctx.Err()
}

func fresh(profile *inventoryv1alpha1.ClusterProfile, seen result) v1alpha1.SpokeCheck {
	check := v1alpha1.SpokeCheck{Status: statusOf(profile, v1alpha1.SpokeCheckStatus{}, seen)}
	check.APIVersion, check.Kind = v1alpha1.SchemeGroupVersion.String(), "SpokeCheck"
	check.Namespace, check.Name = profile.Namespace, profile.Name
	return check
}

func selected(ctx context.Context, hub client.Reader, namespaces []string, filter Filter) ([]inventoryv1alpha1.ClusterProfile, error) {
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
			if filter.Selects(&profile) {
				profiles = append(profiles, profile)
			}
		}
	}
	return profiles, nil
}
