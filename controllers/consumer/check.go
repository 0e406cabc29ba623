// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
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
func statusOf(profile *inventoryv1alpha1.ClusterProfile, before v1alpha1.SpokeCheckStatus, seen sighting) v1alpha1.SpokeCheckStatus {
	at := metav1.NewTime(seen.at)
	status := v1alpha1.SpokeCheckStatus{
		Provider:          seen.Provider,
		Server:            seen.Server,
		KubernetesVersion: seen.Version,
		User:              seen.User,
		MemberID:          profile.Labels[v1alpha1.LabelInventoryMemberID],
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
	if was := reachable(before); was.Status == condition.Status {
		condition.LastTransitionTime = was.LastTransitionTime
	}
	status.Conditions = []metav1.Condition{condition}
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
	was, is := reachable(a), reachable(b)
	// What the hub stores has lost its fractions of a second.
	was.LastTransitionTime, is.LastTransitionTime = metav1.Time{}, metav1.Time{}
	a.Conditions, b.Conditions = nil, nil
	return apiequality.Semantic.DeepEqual(was, is) && apiequality.Semantic.DeepEqual(a, b)
}

// transition says whether the spoke came, went, or is away for another reason.
func transition(before, after v1alpha1.SpokeCheckStatus) bool {
	return reachable(before).Reason != reachable(after).Reason
}

// reachable is the condition Reachable; the zero condition where nobody has reported yet.
func reachable(status v1alpha1.SpokeCheckStatus) metav1.Condition {
	if condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReachable); condition != nil {
		return *condition
	}
	return metav1.Condition{}
}

// lastProbe is when the probe was made that the check tells of; long ago where there was none.
func lastProbe(check *v1alpha1.SpokeCheck) time.Time {
	if check.Status.LastProbeTime == nil {
		return time.Time{}
	}
	return check.Status.LastProbeTime.Time
}

// statusConfiguration is a status as server-side apply wants it: whole, and without what is not known.
func statusConfiguration(profile *inventoryv1alpha1.ClusterProfile, status v1alpha1.SpokeCheckStatus) *inventoryac.SpokeCheckApplyConfiguration {
	condition := reachable(status)
	out := inventoryac.SpokeCheckStatus().WithLastProbeTime(*status.LastProbeTime).WithConditions(metav1ac.Condition().
		WithType(condition.Type).
		WithStatus(condition.Status).
		WithReason(condition.Reason).
		WithMessage(condition.Message).
		WithLastTransitionTime(condition.LastTransitionTime))
	for _, fact := range []struct {
		value string
		with  func(string) *inventoryac.SpokeCheckStatusApplyConfiguration
	}{
		{status.Provider, out.WithProvider},
		{status.Server, out.WithServer},
		{status.KubernetesVersion, out.WithKubernetesVersion},
		{status.User, out.WithUser},
		{status.MemberID, out.WithMemberID},
	} {
		if fact.value != "" {
			fact.with(fact.value)
		}
	}
	return inventoryac.SpokeCheck(profile.Name, profile.Namespace).WithStatus(out)
}
