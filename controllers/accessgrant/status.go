// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/broker/property"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// FieldManager is the name under which the broker writes on the hub.
const FieldManager = property.FieldManager

// report sets the conditions of a grant after an attempt. A token that was granted stays good until it expires, whatever fails now.
func (r *reconciler) report(of *v1alpha1.AccessGrant, failed *failure.Error) {
	if failed == nil {
		r.set(
			of,
			v1alpha1.ConditionDegraded,
			metav1.ConditionFalse,
			v1alpha1.ReasonAsExpected,
			"Nothing is to be done before the next renewal.",
		)
	} else {
		r.set(of, v1alpha1.ConditionDegraded, metav1.ConditionTrue, failed.Reason, failed.Message)
	}
	switch {
	case of.Status.Secret == nil && failed != nil:
		r.set(of, v1alpha1.ConditionReady, metav1.ConditionFalse, failed.Reason, failed.Message)
	case of.Status.Secret == nil:
		r.set(of, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonPending, "The access has not been granted yet.")
	case grant.Expired(of, r.Clock.Now()):
		r.setExpired(of)
	default:
		r.set(of, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonGranted, "The spoke has accepted the token.")
	}
}

func (r *reconciler) set(of *v1alpha1.AccessGrant, condition string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&of.Status.Conditions, metav1.Condition{
		Type:               condition,
		Status:             status,
		Reason:             reason,
		Message:            profile.Bound(message),
		ObservedGeneration: of.Generation,
		LastTransitionTime: metav1.NewTime(r.Clock.Now()),
	})
}

// patchStatus writes the status of a grant if it has changed, for the version that was read.
func (r *reconciler) patchStatus(ctx context.Context, of, before *v1alpha1.AccessGrant) error {
	if equality.Semantic.DeepEqual(of.Status, before.Status) {
		return nil
	}
	base := of.DeepCopy()
	base.Status = before.Status
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	wanted := of.DeepCopy()
	if err := r.client.Status().Patch(ctx, wanted, patch, client.FieldOwner(FieldManager)); err != nil {
		return fmt.Errorf("writing the status of the AccessGrant: %w", err)
	}
	of.ResourceVersion = wanted.ResourceVersion
	return nil
}

// announce reports changes of the conditions Degraded and Ready by Events.
func (r *reconciler) announce(before, after *v1alpha1.AccessGrant) {
	if isDegraded(after) && reasonOf(before, v1alpha1.ConditionDegraded) != reasonOf(after, v1alpha1.ConditionDegraded) {
		r.announceDegraded(after)
	}
	is := reasonOf(after, v1alpha1.ConditionReady)
	switch {
	case reasonOf(before, v1alpha1.ConditionReady) == is:
	case is == v1alpha1.ReasonGranted:
		r.announceGranted(after)
	case is == v1alpha1.ReasonExpired:
		r.announceExpired(after)
	}
}

// announceDegraded reports why the broker cannot grant, renew or revoke the access, by a reason of Degraded, once for each change.
func (r *reconciler) announceDegraded(of *v1alpha1.AccessGrant) {
	degraded := meta.FindStatusCondition(of.Status.Conditions, v1alpha1.ConditionDegraded)
	r.recorder.Eventf(of, nil, corev1.EventTypeWarning, degraded.Reason, "Grant", "%s", degraded.Message)
}

// announceGranted reports that the grant became ready: with its first token, or after an expiry. There are no Events for renewals.
func (r *reconciler) announceGranted(of *v1alpha1.AccessGrant) {
	r.recorder.Eventf(of, nil, corev1.EventTypeNormal, v1alpha1.ReasonGranted, "Grant",
		"The spoke has accepted the token of %s", of.Status.User)
}

// announceExpired reports that the token has expired and was not renewed; why is the reason of Degraded.
func (r *reconciler) announceExpired(of *v1alpha1.AccessGrant) {
	r.recorder.Eventf(of, nil, corev1.EventTypeWarning, v1alpha1.ReasonExpired, "Renew", "The token has expired and could not be renewed")
}

func reasonOf(of *v1alpha1.AccessGrant, condition string) string {
	if found := meta.FindStatusCondition(of.Status.Conditions, condition); found != nil {
		return found.Reason
	}
	return ""
}

func isReady(of *v1alpha1.AccessGrant) bool {
	return meta.IsStatusConditionTrue(of.Status.Conditions, v1alpha1.ConditionReady)
}

func isDegraded(of *v1alpha1.AccessGrant) bool {
	return meta.IsStatusConditionTrue(of.Status.Conditions, v1alpha1.ConditionDegraded)
}

// isAway reports whether the spoke did not answer the last time, or was not expected to.
func isAway(of *v1alpha1.AccessGrant) bool {
	switch reasonOf(of, v1alpha1.ConditionDegraded) {
	case v1alpha1.ReasonSpokeUnreachable, v1alpha1.ReasonControlPlaneNotInitialized, v1alpha1.ReasonClusterDeleting:
		return isDegraded(of)
	}
	return false
}
