// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// maxProblems is how many problems an Inventory's status holds.
const maxProblems = 20

// summary is what became of an Inventory.
type summary struct {
	clusters  int
	published []*inventoryv1alpha1.ClusterProfile
	problems  []clusterProblem
	// complete says that every Cluster has been looked at, since this process started and with what the Inventory wants now.
	complete bool
	// fault is why the Inventory cannot work at all.
	fault error
}

func (r InventoryReconciler) summarize(ctx context.Context, inventory *v1alpha1.Inventory, published []*inventoryv1alpha1.ClusterProfile) (summary, error) {
	view, err := r.inventories.current(ctx)
	if err != nil {
		return summary{}, err
	}
	published = slices.DeleteFunc(published, r.ledger.isStray)
	if fault := view.faults[inventory.Name]; fault != nil {
		return summary{published: published, complete: true, fault: fault}, nil //nolint:nilerr // an Inventory that cannot work is what the summary is about
	}
	s := summary{published: published}
	s.clusters, s.problems, s.complete = r.ledger.of(inventory.Name, view.versions[inventory.Name])
	if s.complete {
		s.complete, err = r.sawAll(ctx)
	}
	s.problems = append(s.problems, duplicates(inventory.Name, r.index.in(namespacesOf(published)))...)
	return s, err
}

// sawAll reports whether every Cluster in the cache has been looked at since this process started. Once that is so, one that
// comes later is looked at like any change.
func (r InventoryReconciler) sawAll(ctx context.Context) (bool, error) {
	if r.seen.Load() {
		return true, nil
	}
	var clusters clusterv1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("listing Clusters: %w", err)
	}
	for i := range clusters.Items {
		if !r.ledger.looked(client.ObjectKeyFromObject(&clusters.Items[i])) {
			return false, nil
		}
	}
	if !r.seen.Swap(true) && r.options.Settled != nil {
		r.options.Settled()
	}
	return true, nil
}

// first returns the first problem of a sort; nil for none.
func (s summary) first(of func(profile.Problem) bool) *clusterProblem {
	if i := slices.IndexFunc(s.problems, func(p clusterProblem) bool { return of(p.Problem) }); i >= 0 {
		return &s.problems[i]
	}
	return nil
}

// conditions sum it up: whether the Inventory can work, whether it is carried out, and whether all that it publishes is whole.
func (s summary) conditions(inventory *v1alpha1.Inventory) []metav1.Condition {
	accepted := metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonValid, Message: "The specification can be carried out."}
	if s.fault != nil {
		accepted.Status, accepted.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec
		accepted.Message = profile.Bound("Nothing new is published and what is published stays until this is fixed: " + strings.ReplaceAll(s.fault.Error(), "\n", "; "))
	}
	ready := s.ready(inventory, accepted)
	conditions := []metav1.Condition{accepted, ready, s.degraded()}
	if ready.Status == metav1.ConditionFalse && ready.Reason != v1alpha1.ReasonTerminating {
		conditions = append(conditions, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: ready.Reason, Message: ready.Message})
	}
	return conditions
}

func (s summary) ready(inventory *v1alpha1.Inventory, accepted metav1.Condition) metav1.Condition {
	condition := func(status metav1.ConditionStatus, reason, format string, args ...any) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: profile.Bound(fmt.Sprintf(format, args...))}
	}
	unpublished := s.first(profile.Problem.Unpublished)
	passing := s.first(profile.Problem.Passing)
	switch {
	case !inventory.DeletionTimestamp.IsZero():
		return condition(metav1.ConditionFalse, v1alpha1.ReasonTerminating, "The Inventory is being deleted; %d of its profiles are left.", len(s.published))
	case s.fault != nil:
		return condition(metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "%s", accepted.Message)
	case !s.complete:
		return condition(metav1.ConditionUnknown, v1alpha1.ReasonPublishing, "Not every Cluster has been looked at yet.")
	case unpublished != nil:
		return condition(metav1.ConditionFalse, v1alpha1.ReasonNotPublished, "Not every selected Cluster is published as wanted: %s: %s", unpublished.Reason, unpublished.Message)
	case passing != nil:
		return condition(metav1.ConditionUnknown, v1alpha1.ReasonPublishing, "%s: %s", passing.Reason, passing.Message)
	case len(s.published) < s.clusters:
		return condition(metav1.ConditionUnknown, v1alpha1.ReasonPublishing, "%d of %d profiles are there.", len(s.published), s.clusters)
	}
	return condition(metav1.ConditionTrue, v1alpha1.ReasonPublished, "Every selected Cluster is published.")
}

func (s summary) degraded() metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNoProblems, Message: "Nothing was left out."}
	switch {
	case len(s.problems) > 0:
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonProblems
		condition.Message = fmt.Sprintf("%d problems; status.problems holds the first %d.", len(s.problems), min(len(s.problems), maxProblems))
	case !s.complete:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionUnknown, v1alpha1.ReasonPublishing, "Not every Cluster has been looked at yet."
	}
	return condition
}

// figures are what the gauges show.
func (s summary) figures() inventoryFigures {
	figures := inventoryFigures{profiles: map[string]int{}, problems: map[string]int{}}
	for _, p := range s.published {
		status := metav1.ConditionUnknown
		if condition := meta.FindStatusCondition(p.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy); condition != nil {
			status = condition.Status
		}
		figures.profiles[string(status)]++
	}
	for _, p := range s.problems {
		figures.problems[p.Reason]++
	}
	return figures
}

// report applies the status of an Inventory where it differs from the one it has.
func (r InventoryReconciler) report(ctx context.Context, inventory *v1alpha1.Inventory, s summary) error {
	if !s.complete && len(inventory.Status.Conditions) > 0 {
		// After a start the Clusters are looked at one by one: what is known of them already is not news.
		return nil
	}
	status := v1alpha1.InventoryStatus{Clusters: int32(s.clusters), Published: int32(len(s.published)), ObservedGeneration: inventory.Generation}
	for _, condition := range s.conditions(inventory) {
		condition.ObservedGeneration = inventory.Generation
		condition.LastTransitionTime = metav1.NewTime(r.options.Clock.Now().UTC())
		if was := meta.FindStatusCondition(inventory.Status.Conditions, condition.Type); was != nil && was.Status == condition.Status {
			condition.LastTransitionTime = was.LastTransitionTime
		}
		status.Conditions = append(status.Conditions, condition)
	}
	for _, p := range s.problems[:min(len(s.problems), maxProblems)] {
		status.Problems = append(status.Problems, v1alpha1.InventoryProblem{Cluster: p.cluster(), Reason: p.Reason, Message: p.Message})
	}
	if equality.Semantic.DeepEqual(status, inventory.Status) {
		return nil
	}
	applied := statusOf(inventory, status)
	err := r.client.Status().Apply(ctx, applied, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("applying the status of the Inventory: %w", err)
	}
	// The answer is in the apply configuration.
	r.reports.wrote(client.ObjectKeyFromObject(inventory), *applied.ResourceVersion)
	return nil
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
