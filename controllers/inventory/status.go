// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// applyStatus applies the status of an Inventory if it differs from the one it has.
func (r *Reconciler) applyStatus(ctx context.Context, inventory *v1alpha1.Inventory, s summary) error {
	if !s.complete && len(inventory.Status.Conditions) > 0 {
		// After a start the Clusters are reconciled one by one: until all are, the status of the process before is the better one.
		return nil
	}
	status := v1alpha1.InventoryStatus{
		Clusters:           int32(s.clusters),
		Published:          int32(s.present()),
		ObservedGeneration: inventory.Generation,
		Conditions:         r.transitioned(inventory, s.conditions(inventory)),
	}
	for _, p := range s.problems[:min(len(s.problems), v1alpha1.MaxProblems)] {
		status.Problems = append(status.Problems, v1alpha1.InventoryProblem{Cluster: p.ClusterName(), Reason: p.Reason, Message: p.Message})
	}
	if equality.Semantic.DeepEqual(status, inventory.Status) {
		return nil
	}
	applied := statusOf(inventory, status)
	err := r.Client.Status().Apply(ctx, applied, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("applying the status of the Inventory: %w", err)
	}
	// The answer is in the apply configuration.
	r.writes.WroteAt(client.ObjectKeyFromObject(inventory), *applied.ResourceVersion)
	return nil
}

// transitioned returns conditions with their generation and the time since when they have their status.
func (r *Reconciler) transitioned(inventory *v1alpha1.Inventory, conditions []metav1.Condition) []metav1.Condition {
	for i := range conditions {
		condition := &conditions[i]
		condition.ObservedGeneration = inventory.Generation
		condition.LastTransitionTime = metav1.NewTime(r.Clock.Now().UTC())
		before := meta.FindStatusCondition(inventory.Status.Conditions, condition.Type)
		if before != nil && before.Status == condition.Status {
			condition.LastTransitionTime = before.LastTransitionTime
		}
	}
	return conditions
}

func statusOf(inventory *v1alpha1.Inventory, status v1alpha1.InventoryStatus) *inventoryac.InventoryApplyConfiguration {
	out := inventoryac.InventoryStatus().
		WithClusters(status.Clusters).
		WithPublished(status.Published).
		WithObservedGeneration(status.ObservedGeneration)
	for _, c := range status.Conditions {
		out.WithConditions(metav1ac.Condition().
			WithType(c.Type).WithStatus(c.Status).WithObservedGeneration(c.ObservedGeneration).
			WithLastTransitionTime(c.LastTransitionTime).WithReason(c.Reason).WithMessage(c.Message))
	}
	for _, p := range status.Problems {
		out.WithProblems(inventoryac.InventoryProblem().WithCluster(p.Cluster).WithReason(p.Reason).WithMessage(p.Message))
	}
	return inventoryac.Inventory(inventory.Name).WithUID(inventory.UID).WithStatus(out)
}
