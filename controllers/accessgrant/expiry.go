// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
)

// wait ends a pause early where the token of a grant expires before, and reports a token that has expired: its renewal has to wait.
func (r *reconciler) wait(ctx context.Context, cached *v1alpha1.AccessGrant, pause time.Duration) (ctrl.Result, error) {
	waits := ctrl.Result{RequeueAfter: r.untilExpiry(cached, pause)}
	if !r.hasJustExpired(cached) {
		return waits, nil
	}
	of := &v1alpha1.AccessGrant{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(cached), of); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !r.hasJustExpired(of) {
		return waits, nil
	}
	before := of.DeepCopy()
	r.setExpired(of)
	if err := r.patchStatus(ctx, of, before); err != nil {
		return ctrl.Result{}, err
	}
	r.announce(before, of)
	return waits, nil
}

// hasJustExpired reports whether the token of a grant has expired, and the grant does not say so yet.
func (r *reconciler) hasJustExpired(of *v1alpha1.AccessGrant) bool {
	return of.DeletionTimestamp.IsZero() && isReady(of) && grant.Expired(of, r.Clock.Now())
}

// untilExpiry returns a pause, or what is left of the life of the token if that is shorter: its end is to be reported.
func (r *reconciler) untilExpiry(of *v1alpha1.AccessGrant, pause time.Duration) time.Duration {
	if left := of.Status.ExpirationTimestamp.Sub(r.Clock.Now()); isReady(of) && left > 0 {
		return min(pause, left)
	}
	return pause
}

func (r *reconciler) setExpired(of *v1alpha1.AccessGrant) {
	r.set(of, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonExpired, "The token has expired and could not be renewed.")
}
