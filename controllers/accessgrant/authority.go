// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// authorize returns an error unless an Inventory asks for just what the grant says, now. The Cluster and the labels of its namespace are
// read from the API server.
func (r *reconciler) authorize(ctx context.Context, of *v1alpha1.AccessGrant) error {
	cluster, err := r.cluster(ctx, of)
	if err != nil {
		return err
	}
	if cluster == nil {
		return clusterGone(of)
	}
	namespace := &corev1.Namespace{}
	if err := r.live.Get(ctx, client.ObjectKey{Name: cluster.Namespace}, namespace); err != nil {
		return fmt.Errorf("reading the labels of the namespace %s: %w", cluster.Namespace, err)
	}
	snapshot, err := r.inventories.Snapshot(ctx)
	if err != nil {
		return err
	}
	if invalid := snapshot.Invalid[of.Spec.Inventory]; invalid != nil {
		return refused("the Inventory %q is invalid: %v", of.Spec.Inventory, invalid)
	}
	var published []*inventoryv1alpha1.ClusterProfile
	if len(snapshot.Invalid) > 0 {
		if published, err = r.profilesOf(ctx, of); err != nil {
			return err
		}
	}
	claims, err := snapshot.Claims(published, cluster, namespace.Labels)
	if err != nil {
		return err
	}
	if !claims.AskFor(of, cluster) {
		return refused("the Inventory %q does not ask for this access to the Cluster, or not for a profile of that name in this namespace",
			of.Spec.Inventory)
	}
	return nil
}

// profilesOf returns the profiles of a grant's Cluster in the namespace of the grant: an invalid Inventory keeps what it has published there.
func (r *reconciler) profilesOf(ctx context.Context, of *v1alpha1.AccessGrant) ([]*inventoryv1alpha1.ClusterProfile, error) {
	var list inventoryv1alpha1.ClusterProfileList
	err := r.live.List(ctx, &list, client.InNamespace(of.Namespace), client.MatchingLabels{
		v1alpha1.LabelClusterNamespace: of.Spec.Cluster.Namespace, v1alpha1.LabelClusterName: of.Spec.Cluster.Name,
	})
	if err != nil {
		return nil, fmt.Errorf("listing the profiles of the Cluster: %w", err)
	}
	published := make([]*inventoryv1alpha1.ClusterProfile, 0, len(list.Items))
	for i := range list.Items {
		published = append(published, &list.Items[i])
	}
	return published, nil
}

func clusterGone(of *v1alpha1.AccessGrant) error {
	return refused("the Cluster %s with the UID %s does not exist", clusterKey(of), of.Spec.Cluster.UID)
}

// explainFailure gives a failure that is to be expected of such a Cluster a reason of its own: nobody is to be alerted because a control plane
// is not up yet, or is being taken down.
func (r *reconciler) explainFailure(ctx context.Context, of *v1alpha1.AccessGrant, failed *failure.Error) *failure.Error {
	if failed.Reason == v1alpha1.ReasonNotWanted {
		return failed
	}
	cluster, err := r.cluster(ctx, of)
	ofSpoke := failed.Reason == v1alpha1.ReasonSpokeUnreachable || failed.Reason == v1alpha1.ReasonSpokeRefused
	switch {
	case err != nil || cluster == nil:
		return failed
	case !cluster.DeletionTimestamp.IsZero():
		return failure.New(v1alpha1.ReasonClusterDeleting, "the Cluster is being deleted (%s: %s)", failed.Reason, failed.Message)
	case ofSpoke && !profile.ControlPlaneInitialized(cluster):
		return failure.New(v1alpha1.ReasonControlPlaneNotInitialized, "the control plane is not initialized yet (%s: %s)",
			failed.Reason, failed.Message)
	}
	return failed
}

func refused(format string, args ...any) error {
	return failure.New(v1alpha1.ReasonNotWanted, format, args...)
}

// cluster returns the Cluster of a grant as the API server has it; nil if it is gone, or another one has its name.
func (r *reconciler) cluster(ctx context.Context, of *v1alpha1.AccessGrant) (*clusterv1.Cluster, error) {
	cluster := &clusterv1.Cluster{}
	switch err := r.live.Get(ctx, clusterKey(of), cluster); {
	case apierror.IsNotFound(err):
		return nil, nil
	case apierrors.IsNotFound(err):
		return nil, failure.New(
			v1alpha1.ReasonKubeconfigUnusable,
			"the hub does not serve Clusters, so it is not known whether the Cluster exists",
		)
	case err != nil:
		return nil, fmt.Errorf("reading the Cluster: %w", err)
	case string(cluster.UID) != of.Spec.Cluster.UID:
		return nil, nil
	}
	return cluster, nil
}

func clusterKey(of *v1alpha1.AccessGrant) types.NamespacedName {
	return types.NamespacedName{Namespace: of.Spec.Cluster.Namespace, Name: of.Spec.Cluster.Name}
}

// open returns a connection to the spoke of a grant, with the kubeconfig that Cluster API keeps. It is read from the API server each
// time, and kept no longer than the connection.
func (r *reconciler) open(ctx context.Context, of *v1alpha1.AccessGrant) (*remote.Spoke, error) {
	unusable := func(format string, args ...any) error {
		return failure.New(v1alpha1.ReasonKubeconfigUnusable, format, args...)
	}
	source := profile.DefaultSecret(of.Spec.Cluster.Name)
	key := types.NamespacedName{Namespace: of.Spec.Cluster.Namespace, Name: source.Name}
	secret := &corev1.Secret{}
	switch err := r.live.Get(ctx, key, secret); {
	case apierrors.IsNotFound(err):
		return nil, unusable("there is no Secret %s", key)
	case apierrors.IsForbidden(err):
		return nil, unusable("the broker is not allowed to read the Secret %s", key)
	case err != nil:
		return nil, fmt.Errorf("reading the Secret %s: %w", key, err)
	}
	// The name may have become another Cluster's after the last look at it; then the Secret leads to another spoke.
	if cluster, err := r.cluster(ctx, of); err != nil {
		return nil, err
	} else if cluster == nil {
		return nil, clusterGone(of)
	}
	spoke, err := remote.Open(secret.Data[source.Key], r.Spokes)
	if failed := (*failure.Error)(nil); errors.As(err, &failed) {
		return nil, unusable("Secret %s: %s", key, failed.Message)
	}
	return spoke, err
}
