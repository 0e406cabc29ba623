// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// profileKind is the kind of the owner of a SpokeCheck.
const profileKind = "ClusterProfile"

// identity returns the part of a SpokeCheck that never changes. Its deletion does not block that of its owner: a user who may delete
// a profile need not be allowed to delete checks.
func identity(profile *inventoryv1alpha1.ClusterProfile, version schema.GroupVersion) *inventoryac.SpokeCheckApplyConfiguration {
	return inventoryac.SpokeCheck(profile.Name, profile.Namespace).WithOwnerReferences(metav1ac.OwnerReference().
		WithAPIVersion(version.String()).
		WithKind(profileKind).
		WithName(profile.Name).
		WithUID(profile.UID))
}

// ownerOf returns the reference to the profile that a check was created for; the zero one if the check does not exist or was created by
// hand.
func ownerOf(check *v1alpha1.SpokeCheck) metav1.OwnerReference {
	for _, owner := range check.OwnerReferences {
		if owner.Kind == profileKind && owner.Name == check.Name {
			return owner
		}
	}
	return metav1.OwnerReference{}
}

// identify writes what never changes of a check, unless it is there: the garbage collector needs a version of the owner that is served.
func (r *Reconciler) identify(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile, check *v1alpha1.SpokeCheck) error {
	kind, err := r.Client.GroupVersionKindFor(profile)
	if err != nil {
		return fmt.Errorf("finding the version of ClusterProfile: %w", err)
	}
	if ownerOf(check).APIVersion == kind.GroupVersion().String() {
		return nil
	}
	wanted := identity(profile, kind.GroupVersion())
	if err := r.Client.Apply(ctx, wanted, client.FieldOwner(r.Options.Name), client.ForceOwnership); err != nil {
		return fmt.Errorf("applying a SpokeCheck: %w", err)
	}
	return nil
}

// apply writes a status, unless another instance reports on the spoke.
func (r *Reconciler) apply(
	ctx context.Context, profile *inventoryv1alpha1.ClusterProfile, check *v1alpha1.SpokeCheck, status v1alpha1.SpokeCheckStatus,
) (written bool, err error) {
	owner := client.FieldOwner(r.Options.Name)
	err = r.Client.Status().Apply(ctx, statusApplyConfiguration(profile, status), owner)
	if apierrors.IsConflict(err) {
		if !check.Status.Silent(r.Clock.Now(), r.Options.pace().heartbeatPeriod()) {
			logf.FromContext(ctx).V(1).Info("Another instance reports another result of this spoke", "reason", reachable(status).Reason)
			return false, nil
		}
		err = r.Client.Status().Apply(ctx, statusApplyConfiguration(profile, status), owner, client.ForceOwnership)
	}
	if err != nil {
		return false, fmt.Errorf("applying the status of a SpokeCheck: %w", err)
	}
	return true, nil
}

// equalStatus reports whether two statuses differ in nothing but the time of the probe and those of its stages. Which stage failed, the
// condition says.
func equalStatus(a, b v1alpha1.SpokeCheckStatus) bool {
	a.LastProbeTime, b.LastProbeTime = nil, nil
	a.Stages, b.Stages = nil, nil
	a.Conditions, b.Conditions = withoutTransitionTimes(a.Conditions), withoutTransitionTimes(b.Conditions)
	return apiequality.Semantic.DeepEqual(a, b)
}

// withoutTransitionTimes returns conditions without their transition times, which the hub stores without fractions of a second.
func withoutTransitionTimes(conditions []metav1.Condition) []metav1.Condition {
	conditions = slices.Clone(conditions)
	for i := range conditions {
		conditions[i].LastTransitionTime = metav1.Time{}
	}
	return conditions
}

// transitions returns the conditions to write Events for: the spoke became reachable or not, or is not for another reason; or something
// expires soon, or has expired.
func transitions(before, after v1alpha1.SpokeCheckStatus) []metav1.Condition {
	var changed []metav1.Condition
	for _, condition := range after.Conditions {
		old := meta.FindStatusCondition(before.Conditions, condition.Type)
		if old != nil && old.Reason == condition.Reason {
			continue
		}
		if condition.Type == v1alpha1.ConditionReachable || condition.Status == metav1.ConditionTrue {
			changed = append(changed, condition)
		}
	}
	return changed
}

// reachable returns the condition Reachable; the zero condition if there is no report yet.
func reachable(status v1alpha1.SpokeCheckStatus) metav1.Condition {
	if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReachable); condition != nil {
		return *condition
	}
	return metav1.Condition{}
}

// statusApplyConfiguration returns a status for server-side apply: complete, and without unknown fields.
func statusApplyConfiguration(
	profile *inventoryv1alpha1.ClusterProfile, status v1alpha1.SpokeCheckStatus,
) *inventoryac.SpokeCheckApplyConfiguration {
	out := inventoryac.SpokeCheckStatus().WithLastProbeTime(*status.LastProbeTime).WithHeartbeatSeconds(status.HeartbeatSeconds)
	for _, condition := range status.Conditions {
		out.WithConditions(metav1ac.Condition().
			WithType(condition.Type).
			WithStatus(condition.Status).
			WithReason(condition.Reason).
			WithMessage(condition.Message).
			WithLastTransitionTime(condition.LastTransitionTime))
	}
	for _, stage := range status.Stages {
		out.WithStages(inventoryac.CheckStage().WithName(stage.Name).WithMilliseconds(stage.Milliseconds))
	}
	for _, expiration := range status.Expirations {
		out.WithExpirations(inventoryac.Expiration().WithKind(expiration.Kind).WithTime(expiration.Time))
	}
	if status.Expires != nil {
		out.WithExpires(*status.Expires)
	}
	for _, fact := range []struct {
		value string
		with  func(string) *inventoryac.SpokeCheckStatusApplyConfiguration
	}{
		{status.Provider, out.WithProvider},
		{status.Server, out.WithServer},
		{status.KubernetesVersion, out.WithKubernetesVersion},
		{status.User, out.WithUser},
		{status.MemberID, out.WithMemberID},
		{status.ClusterID, out.WithClusterID},
	} {
		if fact.value != "" {
			fact.with(fact.value)
		}
	}
	return inventoryac.SpokeCheck(profile.Name, profile.Namespace).WithStatus(out)
}
