// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"fmt"
	"time"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// pendingRequeue is how soon to look again at the profiles that hold a deleted Inventory.
const pendingRequeue = 5 * time.Second

// addFinalizer adds the finalizer, by a patch that touches nothing else: the specification may have fields that this version does
// not know. The patch is for the version that was read.
func (r *Reconciler) addFinalizer(ctx context.Context, inventory *v1alpha1.Inventory) error {
	return r.patchFinalizers(ctx, inventory, controllerutil.AddFinalizer)
}

// release removes the finalizer of a deleted Inventory. A live list confirms that there is no profile any more that the publisher may
// withdraw; those that there are it returns as problems.
func (r *Reconciler) release(ctx context.Context, inventory *v1alpha1.Inventory) ([]profile.Problem, error) {
	var labelled inventoryv1alpha1.ClusterProfileList
	if err := r.APIReader.List(ctx, &labelled, client.MatchingLabels{v1alpha1.LabelInventory: inventory.Name}); err != nil {
		return nil, fmt.Errorf("confirming that the Inventory's profiles are gone: %w", err)
	}
	var pending []profile.Problem
	for i := range labelled.Items {
		live, err := profile.Read(&labelled.Items[i])
		if err != nil {
			return nil, err
		}
		if live.MayBeDeleted(r.ClusterManager) {
			pending = append(pending, profile.NewProblem(v1alpha1.ProblemPublishFailed,
				"ClusterProfile %s has not been withdrawn yet", client.ObjectKeyFromObject(live)))
		}
	}
	if len(pending) > 0 {
		return pending, nil
	}
	return nil, r.patchFinalizers(ctx, inventory, controllerutil.RemoveFinalizer)
}

func (r *Reconciler) patchFinalizers(
	ctx context.Context, inventory *v1alpha1.Inventory, change func(client.Object, string) bool,
) error {
	before := inventory.DeepCopy()
	if !change(inventory, v1alpha1.FinalizerProfiles) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	err := r.Client.Patch(ctx, inventory, patch, client.FieldOwner(profile.FieldManager))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patching the finalizers: %w", err)
	}
	return nil
}
