// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/profile"
)

// maxProblems is how many problems an Inventory's status holds.
const maxProblems = 20

// InventoryReconciler reports what became of an Inventory, and holds a deleted one until its profiles are gone.
type InventoryReconciler struct{ *Reconciler }

// Reconcile writes the status of an Inventory where it has changed.
func (r InventoryReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	inventory := &v1alpha1.Inventory{}
	if err := r.client.Get(ctx, req.NamespacedName, inventory); apierrors.IsNotFound(err) {
		forgetMetrics(req.Name)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the Inventory: %w", err)
	}
	published := r.provenance.by(inventory.Name)
	if !inventory.DeletionTimestamp.IsZero() && len(published) == 0 {
		return ctrl.Result{}, r.release(ctx, inventory)
	}
	if inventory.DeletionTimestamp.IsZero() && controllerutil.AddFinalizer(inventory, v1alpha1.FinalizerProfiles) {
		// The Update carries the resourceVersion that was read; its event brings us back.
		if err := r.client.Update(ctx, inventory, client.FieldOwner(profile.FieldManager)); err != nil {
			return ctrl.Result{}, fmt.Errorf("adding the finalizer: %w", client.IgnoreNotFound(err))
		}
		return ctrl.Result{}, nil
	}
	started := r.options.Clock.Now()
	summary, err := r.summarize(ctx, inventory, published)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.summaryTook.Store(int64(r.options.Clock.Since(started)))
	summary.observe(inventory.Name)
	var again time.Duration
	if !summary.complete {
		again = r.nextSummary()
	}
	return ctrl.Result{RequeueAfter: again}, r.report(ctx, inventory, summary)
}

// release lets a deleted Inventory go. A live list confirms that no profile is left.
func (r InventoryReconciler) release(ctx context.Context, inventory *v1alpha1.Inventory) error {
	var left inventoryv1alpha1.ClusterProfileList
	if err := r.live.List(ctx, &left, client.MatchingLabels{
		v1alpha1.LabelInventory:                  inventory.Name,
		inventoryv1alpha1.LabelClusterManagerKey: r.options.ClusterManager,
	}, client.Limit(1)); err != nil {
		return fmt.Errorf("confirming that the Inventory's profiles are gone: %w", err)
	}
	if len(left.Items) > 0 || !controllerutil.RemoveFinalizer(inventory, v1alpha1.FinalizerProfiles) {
		return nil
	}
	if err := r.client.Update(ctx, inventory, client.FieldOwner(profile.FieldManager)); err != nil {
		return fmt.Errorf("removing the finalizer: %w", client.IgnoreNotFound(err))
	}
	return nil
}

// summary is what became of an Inventory.
type summary struct {
	clusters  int
	published []*inventoryv1alpha1.ClusterProfile
	problems  []clusterProblem
	// complete says that every Cluster has been looked at, since this process started and with what the Inventories want now.
	complete bool
	// fault is why the Inventory cannot work at all.
	fault error
}

func (r InventoryReconciler) summarize(ctx context.Context, inventory *v1alpha1.Inventory, published []*inventoryv1alpha1.ClusterProfile) (summary, error) {
	view, err := r.inventories.view(ctx)
	if err != nil {
		return summary{}, err
	}
	if fault := view.faults[inventory.Name]; fault != nil {
		return summary{published: published, complete: true, fault: fault}, nil //nolint:nilerr // an Inventory that cannot work is what the summary is about
	}
	s := summary{published: published}
	s.clusters, s.problems, s.complete = r.ledger.of(inventory.Name, view.revision)
	if s.complete {
		s.complete, err = r.sawAll(ctx)
	}
	s.problems = append(s.problems, duplicateServers(published)...)
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

// duplicateServers finds profiles of one namespace with the same server: Argo CD takes them for one cluster.
func duplicateServers(published []*inventoryv1alpha1.ClusterProfile) []clusterProblem {
	slices.SortFunc(published, func(a, b *inventoryv1alpha1.ClusterProfile) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(serverOf(a), serverOf(b)), cmp.Compare(a.Name, b.Name))
	})
	var (
		found []clusterProblem
		first *inventoryv1alpha1.ClusterProfile
	)
	for _, p := range published {
		if first == nil || serverOf(p) == "" || p.Namespace != first.Namespace || serverOf(p) != serverOf(first) {
			first = p
			continue
		}
		source, _ := profile.SourceOf(p)
		found = append(found, clusterProblem{Cluster: source, Problem: profile.Problem{
			Reason:  v1alpha1.ProblemDuplicateServer,
			Message: fmt.Sprintf("ClusterProfiles %s and %s of the namespace %s have the same server %s; Argo CD takes them for one cluster", first.Name, p.Name, p.Namespace, serverOf(p)),
		}})
	}
	return found
}

// serverOf is the server that consumers dial who take the first access provider; empty where there is none.
func serverOf(p *inventoryv1alpha1.ClusterProfile) string {
	if len(p.Status.AccessProviders) == 0 {
		return ""
	}
	return p.Status.AccessProviders[0].Cluster.Server
}

// ready is the condition that sums it up.
func (s summary) ready(inventory *v1alpha1.Inventory) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	switch {
	case !inventory.DeletionTimestamp.IsZero():
		condition.Reason, condition.Message = v1alpha1.ReasonTerminating, "The Inventory is being deleted; it goes when its profiles are gone."
	case s.fault != nil:
		condition.Reason, condition.Message = v1alpha1.ReasonInvalidSpec, "Nothing is published or withdrawn until this is mended: "+strings.ReplaceAll(s.fault.Error(), "\n", "; ")
	case !s.complete:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionUnknown, v1alpha1.ReasonPublishing, "Not every Cluster has been looked at yet."
	case len(s.problems) > 0:
		condition.Reason, condition.Message = v1alpha1.ReasonProblems, fmt.Sprintf("Not everything could be published: %s and more is told in status.problems.", s.problems[0].Reason)
	default:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionTrue, v1alpha1.ReasonPublished, "Every selected Cluster is published."
	}
	return condition
}

// report applies the status of an Inventory where it differs from the one it has.
func (r InventoryReconciler) report(ctx context.Context, inventory *v1alpha1.Inventory, s summary) error {
	if !s.complete && len(inventory.Status.Conditions) > 0 {
		// After a start the Clusters are looked at one by one: what is known of them already is not news.
		return nil
	}
	ready := s.ready(inventory)
	ready.ObservedGeneration = inventory.Generation
	ready.LastTransitionTime = metav1.NewTime(r.options.Clock.Now().UTC())
	if was := meta.FindStatusCondition(inventory.Status.Conditions, ready.Type); was != nil && was.Status == ready.Status {
		ready.LastTransitionTime = was.LastTransitionTime
	}
	status := v1alpha1.InventoryStatus{Clusters: int32(s.clusters), Published: int32(len(s.published)), Conditions: []metav1.Condition{ready}}
	for _, p := range s.problems[:min(len(s.problems), maxProblems)] {
		status.Problems = append(status.Problems, v1alpha1.InventoryProblem{Cluster: p.Cluster.String(), Reason: p.Reason, Message: p.Message})
	}
	if equality.Semantic.DeepEqual(status, inventory.Status) {
		return nil
	}
	if err := r.client.Status().Apply(ctx, statusOf(inventory, status), client.FieldOwner(profile.FieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("applying the status of the Inventory: %w", client.IgnoreNotFound(err))
	}
	return nil
}

func statusOf(inventory *v1alpha1.Inventory, status v1alpha1.InventoryStatus) *inventoryac.InventoryApplyConfiguration {
	ready := status.Conditions[0]
	out := inventoryac.InventoryStatus().
		WithClusters(status.Clusters).
		WithPublished(status.Published).
		WithConditions(metav1ac.Condition().
			WithType(ready.Type).WithStatus(ready.Status).WithObservedGeneration(ready.ObservedGeneration).
			WithLastTransitionTime(ready.LastTransitionTime).WithReason(ready.Reason).WithMessage(ready.Message))
	for _, p := range status.Problems {
		out.WithProblems(inventoryac.InventoryProblem().WithCluster(p.Cluster).WithReason(p.Reason).WithMessage(p.Message))
	}
	return inventoryac.Inventory(inventory.Name).WithUID(inventory.UID).WithStatus(out)
}

// observe sets the gauges of an Inventory.
func (s summary) observe(inventory string) {
	forgetMetrics(inventory)
	healthy := map[metav1.ConditionStatus]int{}
	for _, p := range s.published {
		status := metav1.ConditionUnknown
		if condition := meta.FindStatusCondition(p.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy); condition != nil {
			status = condition.Status
		}
		healthy[status]++
	}
	for status, count := range healthy {
		profiles.WithLabelValues(inventory, string(status)).Set(float64(count))
	}
	for _, p := range s.problems {
		problems.WithLabelValues(inventory, p.Reason).Inc()
	}
}

func forgetMetrics(inventory string) {
	profiles.DeletePartialMatch(map[string]string{"inventory": inventory})
	problems.DeletePartialMatch(map[string]string{"inventory": inventory})
}
