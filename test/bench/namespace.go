// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func (s *stage) makeNamespace(ctx context.Context, name string) error {
	if err := s.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return fmt.Errorf("making a namespace: %w", err)
	}
	return nil
}

// The namespaces of the Clusters and their profiles, and of the profiles that raw makes of the same. Their names are of the same length,
// and so are the requests.
const (
	fleet    = "fleet"
	rawFleet = "plain"
)

// selectLabel marks the namespace whose Clusters the Inventory selects: one request begins the publication of all of them.
const selectLabel = "bench.capi-inventory.dev/select"

// selectFleet has the Inventory select the Clusters, or not.
func (s *stage) selectFleet(ctx context.Context, selected bool) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fleet}}
	labels := fmt.Appendf(nil, `{"metadata":{"labels":{%q:%q}}}`, selectLabel, strconv.FormatBool(selected))
	patch := client.RawPatch(types.MergePatchType, labels)
	if err := s.client.Patch(ctx, namespace, patch); err != nil {
		return fmt.Errorf("labelling the namespace %s: %w", fleet, err)
	}
	return nil
}

// removeProfiles removes all profiles of a namespace. No publisher runs then.
func (s *stage) removeProfiles(ctx context.Context, namespace string) error {
	err := patiently(func() error {
		return s.client.DeleteAllOf(ctx, &inventoryv1alpha1.ClusterProfile{}, client.InNamespace(namespace))
	})
	if err != nil {
		return fmt.Errorf("removing the profiles of %s: %w", namespace, err)
	}
	return nil
}

// verify counts the profiles that are complete: a fast publisher must have published.
func (s *stage) verify(ctx context.Context) error {
	var profiles inventoryv1alpha1.ClusterProfileList
	if err := s.client.List(ctx, &profiles); err != nil {
		return fmt.Errorf("listing profiles: %w", err)
	}
	complete := 0
	for i := range profiles.Items {
		if p := &profiles.Items[i]; p.Namespace != rawFleet && s.isComplete(p) {
			complete++
		}
	}
	if complete != s.profiles() {
		return fmt.Errorf("%d of %d profiles are complete", complete, s.profiles())
	}
	return nil
}

// isComplete reports whether a profile has everything that it should have, and the value of the last edit.
func (s *stage) isComplete(p *inventoryv1alpha1.ClusterProfile) bool {
	edited := s.edited == 0 || p.Namespace != fleet || slices.ContainsFunc(p.Status.Properties, func(p inventoryv1alpha1.Property) bool {
		return p.Name == editProperty && p.Value == strconv.Itoa(s.edited)
	})
	return edited && len(p.Status.AccessProviders) == 1 && len(p.Status.Conditions) == 2 && p.Status.Version.Kubernetes != "" &&
		len(p.Status.Properties) >= s.shape.properties
}
