// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spoke

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/expiry"
)

// SpokeChecks returns the SpokeChecks that the consumer would write for profiles without one.
func SpokeChecks(reports []Report) *v1alpha1.SpokeCheckList {
	list := &v1alpha1.SpokeCheckList{Items: []v1alpha1.SpokeCheck{}}
	list.APIVersion, list.Kind = v1alpha1.SchemeGroupVersion.String(), "SpokeCheckList"
	for i := range reports {
		list.Items = append(list.Items, reports[i].SpokeCheck())
	}
	return list
}

// SpokeCheck returns the SpokeCheck that the consumer would write for a profile without one.
func (r *Report) SpokeCheck() v1alpha1.SpokeCheck {
	expirations := new(expiry.Tracker).Learn(r.At, r.Expirations, true)
	check := v1alpha1.SpokeCheck{Status: r.Status(v1alpha1.SpokeCheckStatus{}, expirations)}
	check.APIVersion, check.Kind = v1alpha1.SchemeGroupVersion.String(), "SpokeCheck"
	check.Namespace, check.Name = r.Profile.Namespace, r.Profile.Name
	return check
}

// Status returns the status of the profile's SpokeCheck, with the expirations to report. The transition times of conditions that have not
// changed are those of the status before; so are the version and the user of a spoke that is not reachable, as long as its server is the
// same.
func (r *Report) Status(before v1alpha1.SpokeCheckStatus, expirations []v1alpha1.Expiration) v1alpha1.SpokeCheckStatus {
	at := metav1.NewTime(r.At)
	status := v1alpha1.SpokeCheckStatus{
		Provider:          r.Provider,
		Server:            r.Server,
		KubernetesVersion: r.Version,
		User:              r.User,
		MemberID:          r.Profile.Labels[v1alpha1.LabelInventoryMemberID],
		ClusterID:         r.ClusterID,
		Stages:            r.checkStages(),
		LastProbeTime:     &at,
	}
	reachable := metav1.Condition{
		Type:               v1alpha1.ConditionReachable,
		Status:             metav1.ConditionTrue,
		Reason:             r.Reason(),
		Message:            r.Message(),
		LastTransitionTime: at,
	}
	if !r.Reachable() {
		reachable.Status = metav1.ConditionFalse
		if r.Server == before.Server {
			status.KubernetesVersion = cmp.Or(r.Version, before.KubernetesVersion)
			status.User = cmp.Or(r.User, before.User)
		}
	}
	setCondition(&status, before, reachable)
	if len(expirations) > 0 {
		status.Expirations = expirations
		status.Expires = expirations[0].Time.DeepCopy()
		setCondition(&status, before, expiry.Condition(expirations, r.At))
	}
	return status
}

// setCondition sets a condition, which keeps the transition time that it had before if its status is the same.
func setCondition(status *v1alpha1.SpokeCheckStatus, before v1alpha1.SpokeCheckStatus, condition metav1.Condition) {
	if old := meta.FindStatusCondition(before.Conditions, condition.Type); old != nil {
		status.Conditions = append(status.Conditions, *old)
	}
	meta.SetStatusCondition(&status.Conditions, condition)
}
