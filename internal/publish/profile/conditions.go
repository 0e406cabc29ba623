// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// controlPlaneHealthy is the table of the package comment, row by row.
func controlPlaneHealthy(cluster *clusterv1.Cluster, clusterAPIDown bool) metav1.Condition {
	available, probe := healthConditions(cluster)
	switch {
	case Paused(cluster):
		return healthy(metav1.ConditionUnknown, v1alpha1.ReasonPaused, "The Cluster is paused; Cluster API does not update its conditions.")
	case clusterAPIDown:
		return healthy(
			metav1.ConditionUnknown,
			v1alpha1.ReasonClusterAPIDown,
			"No Cluster API controller is running, so the Cluster's conditions are stale.",
		)
	case !ControlPlaneInitialized(cluster) || available == nil && probe == nil:
		return healthy(
			metav1.ConditionUnknown,
			v1alpha1.ReasonNotReported,
			"Cluster API has not reported an initialized control plane yet.",
		)
	case !cluster.Spec.ControlPlaneRef.IsDefined():
		return standaloneHealthy(probe)
	case available != nil && available.Status == metav1.ConditionFalse:
		return healthy(
			metav1.ConditionFalse,
			v1alpha1.ReasonControlPlaneUnavailable,
			"Cluster API reports that the control plane is not available.",
		)
	case probe != nil && probe.Status != metav1.ConditionTrue:
		return healthy(metav1.ConditionUnknown, v1alpha1.ReasonProbeFailed, "Cluster API cannot reach the control plane from the hub.")
	case available != nil && probe != nil && available.Status == metav1.ConditionTrue:
		return healthy(
			metav1.ConditionTrue,
			v1alpha1.ReasonProbeSucceeded,
			"The control plane is available and answers Cluster API's probe.",
		)
	}
	return healthy(metav1.ConditionUnknown, v1alpha1.ReasonNotReported, "Cluster API does not say whether the control plane is available.")
}

// standaloneHealthy is the health of a Cluster without a control plane object. Cluster API reads availability from that object, so
// here its condition ControlPlaneAvailable says nothing and never becomes True.
func standaloneHealthy(probe *metav1.Condition) metav1.Condition {
	switch {
	case probe == nil:
		return healthy(
			metav1.ConditionUnknown,
			v1alpha1.ReasonNotReported,
			"Cluster API has not reported its probe of the control plane yet.",
		)
	case probe.Status != metav1.ConditionTrue:
		return healthy(metav1.ConditionUnknown, v1alpha1.ReasonProbeFailed, "Cluster API cannot reach the control plane from the hub.")
	}
	return healthy(
		metav1.ConditionTrue,
		v1alpha1.ReasonProbeSucceeded,
		"The control plane answers Cluster API's probe; the Cluster has no control plane object that reports more.",
	)
}

func healthy(status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: inventoryv1alpha1.ClusterConditionControlPlaneHealthy, Status: status, Reason: reason, Message: message}
}

// Paused reports whether the Cluster is paused, so that its conditions are not updated.
func Paused(cluster *clusterv1.Cluster) bool {
	_, annotated := cluster.Annotations[clusterv1.PausedAnnotation]
	return annotated || cluster.Spec.Paused != nil && *cluster.Spec.Paused
}

// ControlPlaneInitialized reports whether the control plane has been reachable once. Before, there is no access to publish.
func ControlPlaneInitialized(cluster *clusterv1.Cluster) bool {
	initialized := cluster.Status.Initialization.ControlPlaneInitialized
	return initialized != nil && *initialized
}

// joined says whether the member's access is published. lapses are the providers that could not be renewed, each in a
// sentence: where the last good access stays published, the message says so.
func joined(cluster *clusterv1.Cluster, providers int, lapses []string) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionJoined, Status: metav1.ConditionFalse}
	why := strings.Join(lapses, " ")
	switch {
	case !cluster.DeletionTimestamp.IsZero():
		condition.Reason = v1alpha1.ReasonClusterDeleting
		condition.Message = "The Cluster is being deleted; this profile goes when it is gone."
	case providers == 0:
		condition.Reason, condition.Message = v1alpha1.ReasonAccessNotPublished, "No access provider can be published: "+why
	case why != "":
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered
		condition.Message = "The access published before stays: " + why
	default:
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered
		condition.Message = "The Cluster is under management and its access is published."
	}
	return condition
}

// transitions gives a condition the time at which it took its status.
type transitions struct {
	published  *Live
	generation int64
	now        time.Time
}

func (t transitions) inherit(condition metav1.Condition) *metav1ac.ConditionApplyConfiguration {
	since := metav1.NewTime(t.now.UTC().Truncate(time.Second))
	if t.published != nil {
		if was := meta.FindStatusCondition(t.published.Status.Conditions, condition.Type); was != nil && was.Status == condition.Status {
			since = was.LastTransitionTime
		}
	}
	return metav1ac.Condition().
		WithType(condition.Type).
		WithStatus(condition.Status).
		WithObservedGeneration(t.generation).
		WithLastTransitionTime(since).
		WithReason(condition.Reason).
		WithMessage(Bound(condition.Message))
}
