// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// revoke takes back what was made for a grant that is being deleted. The finalizer is the record of what is left to do; a spoke that is
// away is tried again, and one whose Cluster is gone is gone too.
func (r *reconciler) revoke(ctx context.Context, of *v1alpha1.AccessGrant) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(of, v1alpha1.FinalizerGrant) {
		return ctrl.Result{}, nil
	}
	failed, err := r.attempt(ctx, of, r.takeBack)
	switch {
	case err != nil:
		return ctrl.Result{}, err
	case failed != nil:
		return r.stillRevoking(ctx, of, failed)
	}
	r.retries.forget(client.ObjectKeyFromObject(of))
	before := of.DeepCopy()
	controllerutil.RemoveFinalizer(of, v1alpha1.FinalizerGrant)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, of, patch, client.FieldOwner(FieldManager)); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("removing the finalizer: %w", err)
	}
	return ctrl.Result{}, nil
}

// takeBack takes back what a grant has brought to the hub, its Secret first, and to the spoke. What cannot be done on the hub keeps nothing
// on the spoke.
func (r *reconciler) takeBack(ctx context.Context, of *v1alpha1.AccessGrant) error {
	onHub := errors.Join(r.deleteSecret(ctx, of), r.withdrawProperties(ctx, of))
	return errors.Join(r.revokeOnSpoke(ctx, of), onHub)
}

// revokeOnSpoke connects to the spoke only for a grant that was to be fulfilled: for any other, its author would have the broker dial a
// spoke of somebody else as its administrator, and report what it finds.
func (r *reconciler) revokeOnSpoke(ctx context.Context, of *v1alpha1.AccessGrant) error {
	names := grant.NamesOf(r.hub, client.ObjectKeyFromObject(of))
	if of.Status.User != names.User() {
		return nil
	}
	cluster, err := r.cluster(ctx, of)
	if err != nil || cluster == nil {
		return err
	}
	spoke, err := r.open(ctx, of)
	if err != nil {
		return err
	}
	defer spoke.Close()
	return spoke.Revoke(ctx, names)
}

// stillRevoking reports why something of the grant is left.
func (r *reconciler) stillRevoking(ctx context.Context, of *v1alpha1.AccessGrant, failed *failure.Error) (ctrl.Result, error) {
	before := of.DeepCopy()
	r.set(of, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevoking,
		"What the grant has brought to the spoke, to the profile and into its Secret is not all gone yet.")
	r.set(of, v1alpha1.ConditionDegraded, metav1.ConditionTrue, failed.Reason, failed.Message)
	of.Status.Secret = nil
	if err := r.patchStatus(ctx, of, before); err != nil {
		return ctrl.Result{}, err
	}
	r.announce(before, of)
	r.metrics.failed(failed.Reason)
	r.retries.begin(of)
	return ctrl.Result{RequeueAfter: r.retries.left(of)}, nil
}
