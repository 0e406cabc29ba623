// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/expiry"
)

// profileKind is the kind of what a SpokeCheck is made for.
const profileKind = "ClusterProfile"

// identity is the part of a SpokeCheck that never changes. Its owner does not wait for it to go: whoever deletes a profile
// need not have the right to delete checks.
func identity(profile *inventoryv1alpha1.ClusterProfile) *inventoryac.SpokeCheckApplyConfiguration {
	return inventoryac.SpokeCheck(profile.Name, profile.Namespace).WithOwnerReferences(metav1ac.OwnerReference().
		WithAPIVersion(inventoryv1alpha1.GroupVersion.String()).
		WithKind(profileKind).
		WithName(profile.Name).
		WithUID(profile.UID))
}

// madeFor is the UID of the profile that a check was made for; empty for one that is not there or was made by hand.
func madeFor(check *v1alpha1.SpokeCheck) types.UID {
	for _, owner := range check.OwnerReferences {
		if owner.Kind == profileKind && owner.Name == check.Name {
			return owner.UID
		}
	}
	return ""
}

// statusOf is what a check should say: what was seen, what is known from before, and since when.
func statusOf(profile *inventoryv1alpha1.ClusterProfile, before v1alpha1.SpokeCheckStatus, seen result) v1alpha1.SpokeCheckStatus {
	at := metav1.NewTime(seen.at)
	status := v1alpha1.SpokeCheckStatus{
		Provider:          seen.Provider,
		Server:            seen.Server,
		KubernetesVersion: seen.Version,
		User:              seen.User,
		MemberID:          profile.Labels[v1alpha1.LabelInventoryMemberID],
		ClusterID:         seen.ClusterID,
		LastProbeTime:     &at,
	}
	if !seen.Reachable() {
		status.KubernetesVersion = known(seen.Version, before.KubernetesVersion)
		status.User = known(seen.User, before.User)
	}
	condition := metav1.Condition{
		Type:               v1alpha1.ConditionReachable,
		Status:             metav1.ConditionFalse,
		Reason:             seen.Reason(),
		Message:            seen.Message(),
		LastTransitionTime: at,
	}
	if seen.Reachable() {
		condition.Status = metav1.ConditionTrue
	}
	status.Conditions = []metav1.Condition{condition}
	expiry.Report(&status, seen.ends, seen.at)
	for i := range status.Conditions {
		is := &status.Conditions[i]
		if was := meta.FindStatusCondition(before.Conditions, is.Type); was != nil && was.Status == is.Status {
			is.LastTransitionTime = was.LastTransitionTime
		}
	}
	return status
}

// known is a fact, or what it was when it was last learnt.
func known(now, before string) string {
	if now == "" {
		return before
	}
	return now
}

// same says whether two statuses differ in nothing but the time of the probe.
func same(a, b v1alpha1.SpokeCheckStatus) bool {
	a.LastProbeTime, b.LastProbeTime = nil, nil
	a.Conditions, b.Conditions = timeless(a.Conditions), timeless(b.Conditions)
	return apiequality.Semantic.DeepEqual(a, b)
}

// timeless are conditions without the time of their transition: what the hub stores has lost its fractions of a second.
func timeless(conditions []metav1.Condition) []metav1.Condition {
	conditions = slices.Clone(conditions)
	for i := range conditions {
		conditions[i].LastTransitionTime = metav1.Time{}
	}
	return conditions
}

// transitions are the conditions to tell of as Events: the spoke came, went, or is away for another reason; or something is
// about to expire, or has.
func transitions(before, after v1alpha1.SpokeCheckStatus) []metav1.Condition {
	var told []metav1.Condition
	for _, is := range after.Conditions {
		was := meta.FindStatusCondition(before.Conditions, is.Type)
		changed := was == nil || was.Reason != is.Reason
		if changed && (is.Type == v1alpha1.ConditionReachable || is.Status == metav1.ConditionTrue) {
			told = append(told, is)
		}
	}
	return told
}

// reachable is the condition Reachable; the zero condition where nobody has reported yet.
func reachable(status v1alpha1.SpokeCheckStatus) metav1.Condition {
	if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReachable); condition != nil {
		return *condition
	}
	return metav1.Condition{}
}

// statusConfiguration is a status as server-side apply wants it: whole, and without what is not known.
func statusConfiguration(profile *inventoryv1alpha1.ClusterProfile, status v1alpha1.SpokeCheckStatus) *inventoryac.SpokeCheckApplyConfiguration {
	out := inventoryac.SpokeCheckStatus().WithLastProbeTime(*status.LastProbeTime).WithHeartbeatSeconds(status.HeartbeatSeconds)
	for _, condition := range status.Conditions {
		out.WithConditions(metav1ac.Condition().
			WithType(condition.Type).
			WithStatus(condition.Status).
			WithReason(condition.Reason).
			WithMessage(condition.Message).
			WithLastTransitionTime(condition.LastTransitionTime))
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
