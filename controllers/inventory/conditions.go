// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// conditions report whether the Inventory can work, whether it is published, and whether everything of it is.
func (s summary) conditions(inventory *v1alpha1.Inventory) []metav1.Condition {
	accepted := metav1.Condition{
		Type:    v1alpha1.ConditionAccepted,
		Status:  metav1.ConditionTrue,
		Reason:  v1alpha1.ReasonValid,
		Message: "The specification can be carried out.",
	}
	if s.invalid != nil {
		accepted.Status, accepted.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec
		accepted.Message = profile.Bound("Nothing new is published and what is published stays until this is fixed: " +
			strings.ReplaceAll(s.invalid.Error(), "\n", "; "))
	}
	ready := s.ready(inventory, accepted)
	conditions := []metav1.Condition{accepted, ready, s.degraded()}
	if ready.Status == metav1.ConditionFalse && ready.Reason != v1alpha1.ReasonTerminating {
		conditions = append(conditions, metav1.Condition{
			Type:    v1alpha1.ConditionStalled,
			Status:  metav1.ConditionTrue,
			Reason:  ready.Reason,
			Message: ready.Message,
		})
	}
	return conditions
}

func (s summary) ready(inventory *v1alpha1.Inventory, accepted metav1.Condition) metav1.Condition {
	condition := func(status metav1.ConditionStatus, reason, format string, args ...any) metav1.Condition {
		message := profile.Bound(fmt.Sprintf(format, args...))
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: message}
	}
	unpublished := s.first(profile.Problem.Unpublished)
	passing := s.first(profile.Problem.Passing)
	switch {
	case !inventory.DeletionTimestamp.IsZero():
		return condition(metav1.ConditionFalse, v1alpha1.ReasonTerminating,
			"The Inventory is being deleted; %d of its profiles are left.", len(s.published))
	case s.invalid != nil:
		return condition(metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "%s", accepted.Message)
	case !s.complete:
		return condition(metav1.ConditionUnknown, v1alpha1.ReasonPublishing, "Not every Cluster has been reconciled yet.")
	case unpublished != nil:
		return condition(metav1.ConditionFalse, v1alpha1.ReasonNotPublished,
			"Not every selected Cluster is published as wanted: %s: %s", unpublished.Reason, unpublished.Message)
	case passing != nil:
		return condition(metav1.ConditionUnknown, v1alpha1.ReasonPublishing, "%s: %s", passing.Reason, passing.Message)
	case s.present() < s.clusters:
		return condition(metav1.ConditionUnknown, v1alpha1.ReasonPublishing,
			"%d of %d profiles are there.", s.present(), s.clusters)
	}
	return condition(metav1.ConditionTrue, v1alpha1.ReasonPublished, "Every selected Cluster is published.")
}

func (s summary) degraded() metav1.Condition {
	condition := metav1.Condition{
		Type:    v1alpha1.ConditionDegraded,
		Status:  metav1.ConditionFalse,
		Reason:  v1alpha1.ReasonNoProblems,
		Message: "Nothing was left out.",
	}
	switch {
	case len(s.problems) > 0:
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonProblems
		condition.Message = fmt.Sprintf("%d problems; status.problems holds the first %d.",
			len(s.problems), min(len(s.problems), v1alpha1.MaxProblems))
	case !s.complete:
		condition.Status, condition.Reason = metav1.ConditionUnknown, v1alpha1.ReasonPublishing
		condition.Message = "Not every Cluster has been reconciled yet."
	}
	return condition
}
