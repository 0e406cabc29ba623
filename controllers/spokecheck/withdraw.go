// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// withdraw deletes the check of a profile that is gone or no longer selected. A check without a name does not exist.
//
//	the profile on the hub    | the check           |
//	--------------------------|---------------------|----------
//	is gone                   | has an owner        | deleted
//	is gone                   | was created by hand | left
//	exists, not selected      | reported by us      | deleted
//	exists, not selected      | reported by another | left
//	exists, selected          |                     | left: the cache is stale, and an event of the profile will follow
func (r *Reconciler) withdraw(ctx context.Context, check *v1alpha1.SpokeCheck) error {
	if check.Name == "" {
		return nil
	}
	key := client.ObjectKeyFromObject(check)
	var live v1alpha1.SpokeCheck
	if err := r.Live.Get(ctx, key, &live); err != nil {
		return client.IgnoreNotFound(err)
	}
	var profile inventoryv1alpha1.ClusterProfile
	err := r.Live.Get(ctx, key, &profile)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading a profile: %w", err)
	}
	gone := err != nil
	orphan := gone && ownerOf(&live).UID != ""
	unwanted := !gone && !r.Options.Filter.Selects(&profile) && reportedBy(&live, r.Options.Name)
	if orphan || unwanted {
		return r.delete(ctx, &live)
	}
	return nil
}

// delete deletes this very check, not one of the same name that has replaced it.
func (r *Reconciler) delete(ctx context.Context, check *v1alpha1.SpokeCheck) error {
	if err := r.Client.Delete(ctx, check, client.Preconditions{UID: &check.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting a SpokeCheck: %w", err)
	}
	return nil
}

// reportedBy reports whether the named instance wrote the status.
func reportedBy(check *v1alpha1.SpokeCheck, name string) bool {
	for _, fields := range check.ManagedFields {
		if fields.Manager == name && fields.Subresource == "status" && fields.Operation == metav1.ManagedFieldsOperationApply {
			return true
		}
	}
	return false
}
