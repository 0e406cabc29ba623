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
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
)

// revoke takes back what was made for a grant that is being deleted: the Secret on the hub first, then everything on the spoke. The
// finalizer is the record of what is left to do; a spoke that is away is tried again, and one whose Cluster is gone is gone too.
func (r *reconciler) revoke(ctx context.Context, of *v1alpha1.AccessGrant) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(of, v1alpha1.FinalizerGrant) {
		return ctrl.Result{}, nil
	}
	if err := r.deleteSecret(ctx, of); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.withdrawProperties(ctx, of); err != nil {
		return ctrl.Result{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, maxRequests*r.Spokes.Timeout)
	defer cancel()
	err := r.revokeOnSpoke(bounded, of)
	if ctx.Err() != nil {
		return ctrl.Result{}, ctx.Err()
	}
	if err != nil && bounded.Err() != nil {
		err = errTooSlow
	}
	var failure *remote.Error
	switch {
	case errors.As(err, &failure):
		return r.stillRevoking(ctx, of, failure)
	case err != nil:
		return ctrl.Result{}, err
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

func (r *reconciler) revokeOnSpoke(ctx context.Context, of *v1alpha1.AccessGrant) error {
	cluster, err := r.cluster(ctx, of)
	if err != nil || cluster == nil {
		return err
	}
	spoke, err := r.open(ctx, of)
	if err != nil {
		return err
	}
	defer spoke.Close()
	return spoke.Revoke(ctx, grant.NamesOf(r.hub, client.ObjectKeyFromObject(of)))
}

// stillRevoking reports why the spoke is not free yet.
func (r *reconciler) stillRevoking(ctx context.Context, of *v1alpha1.AccessGrant, failure *remote.Error) (ctrl.Result, error) {
	before := of.DeepCopy()
	r.set(of, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevoking,
		"The Secret is deleted; the ServiceAccount on the spoke is not yet.")
	r.set(of, v1alpha1.ConditionDegraded, metav1.ConditionTrue, failure.Reason, failure.Message)
	of.Status.Secret = nil
	if err := r.patchStatus(ctx, of, before); err != nil {
		return ctrl.Result{}, err
	}
	r.announce(before, of)
	r.metrics.failed(failure.Reason)
	r.retries.begin(of)
	return ctrl.Result{RequeueAfter: r.retries.left(of)}, nil
}
