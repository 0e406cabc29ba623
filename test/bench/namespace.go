// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

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

// openNamespace has the Clusters of a namespace published.
func (s *stage) openNamespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{%q:"true"}}}`, openLabel))
	if err := s.client.Patch(ctx, namespace, patch); err != nil {
		return fmt.Errorf("opening the namespace %s: %w", name, err)
	}
	return nil
}

// verify counts the profiles of a namespace that are complete: a fast publisher must have published.
func (s *stage) verify(ctx context.Context, round, clusters int) error {
	var profiles inventoryv1alpha1.ClusterProfileList
	if err := s.client.List(ctx, &profiles, client.InNamespace(published(round))); err != nil {
		return fmt.Errorf("listing profiles: %w", err)
	}
	complete := 0
	for _, p := range profiles.Items {
		if len(p.Status.AccessProviders) == 1 && len(p.Status.Conditions) == 2 && p.Status.Version.Kubernetes != "" {
			complete++
		}
	}
	if complete != clusters {
		return fmt.Errorf("%d of %d profiles are complete", complete, clusters)
	}
	return nil
}
