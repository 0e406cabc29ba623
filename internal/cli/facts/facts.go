// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package facts reads what an explanation is based on, as far as the user's rights go. What is forbidden is recorded in Unread; only other
// failures are errors.
package facts

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Read reads the Inventories and the profiles.
func Read(ctx context.Context, hub client.Reader, namespace string) (facts explain.Facts, err error) {
	facts.Now, facts.Lint.Namespaces = time.Now(), lint.DefaultNamespaces
	var inventories v1alpha1.InventoryList
	switch err := hub.List(ctx, &inventories); {
	case apierrors.IsForbidden(err):
		facts.Unread.Inventories = true
	case err != nil && !meta.IsNoMatchError(err):
		return facts, fmt.Errorf("listing Inventories: %w", err)
	}
	facts.Inventories = inventories.Items
	// The namespaces of profiles that stand for a Cluster of the namespace.
	namespaces := []string{namespace}
	for i := range facts.Inventories {
		if into := facts.Inventories[i].Spec.Namespace; into != "" {
			namespaces = append(namespaces, into)
		}
	}
	facts.Profiles, facts.Unread.Profiles, err = lookup.Fleet(ctx, hub, namespaces...)
	facts.Lint.Seen = facts.Unread.Profiles
	return facts, err
}

// Cluster reads a Cluster, if it exists, and the labels of its namespace.
func Cluster(ctx context.Context, hub client.Reader, key types.NamespacedName, facts *explain.Facts) error {
	cluster := &clusterv1.Cluster{}
	switch err := hub.Get(ctx, key, cluster); {
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		return nil
	case apierrors.IsForbidden(err):
		facts.Unread.Cluster = true
		return nil
	case err != nil:
		return fmt.Errorf("reading the Cluster %s: %w", key, err)
	}
	facts.Cluster, facts.Unread.Cluster = cluster, false
	namespace := &corev1.Namespace{}
	switch err := hub.Get(ctx, client.ObjectKey{Name: key.Namespace}, namespace); {
	case apierrors.IsForbidden(err):
		facts.Unread.Namespace = true
	case err != nil:
		return fmt.Errorf("reading the labels of the namespace %s: %w", key.Namespace, err)
	}
	facts.NamespaceLabels = namespace.Labels
	return nil
}

// BesideProfiles reads the SpokeChecks and AccessGrants of the profiles to report: those of the Cluster, and the selected one.
func BesideProfiles(ctx context.Context, hub client.Reader, cluster types.NamespacedName, facts *explain.Facts) error {
	namespaces := sets.New[string]()
	for i := range facts.Profiles {
		p := &facts.Profiles[i]
		if source, stamped := profile.LabelledCluster(p); stamped && source == cluster || client.ObjectKeyFromObject(p) == facts.Only {
			namespaces.Insert(p.Namespace)
		}
	}
	checks, err := lookup.ReadChecks(ctx, hub, sets.List(namespaces)...)
	if err != nil {
		return err
	}
	facts.Checks, facts.Unread.Checks = checks.Found(), sets.New(checks.Hidden()...)
	facts.Grants, facts.Unread.Grants, err = lookup.ReadGrants(ctx, hub, sets.List(namespaces)...)
	return err
}

// Clusters returns all Clusters, or else those of the namespace, as far as they may be read.
func Clusters(ctx context.Context, hub client.Reader, namespace string) ([]clusterv1.Cluster, error) {
	var clusters clusterv1.ClusterList
	err := hub.List(ctx, &clusters)
	if apierrors.IsForbidden(err) {
		err = hub.List(ctx, &clusters, client.InNamespace(namespace))
	}
	if err != nil && !apierrors.IsForbidden(err) && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("listing Clusters: %w", err)
	}
	return clusters.Items, nil
}
