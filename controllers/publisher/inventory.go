// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
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
	published, err := r.publishedBy(ctx, inventory.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
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
	return ctrl.Result{}, r.report(ctx, inventory, summary)
}

// publishedBy lists this manager's profiles that carry the Inventory's name, in the order of their names.
func (r InventoryReconciler) publishedBy(ctx context.Context, inventory string) ([]*inventoryv1alpha1.ClusterProfile, error) {
	ours, err := r.published(ctx, client.MatchingFields{byInventory: inventory})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(ours, func(a, b *inventoryv1alpha1.ClusterProfile) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return ours, nil
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
	r.inventories.forget(inventory.UID)
	return nil
}

// summary is what became of an Inventory.
type summary struct {
	clusters  int
	published []*inventoryv1alpha1.ClusterProfile
	problems  []clusterProblem
	// complete says that every selected Cluster has been looked at since this process started.
	complete bool
	// fault is why the Inventory cannot work at all.
	fault error
}

func (r InventoryReconciler) summarize(ctx context.Context, inventory *v1alpha1.Inventory, published []*inventoryv1alpha1.ClusterProfile) (summary, error) {
	compiled, err := r.inventories.compile(inventory)
	if err != nil {
		return summary{published: published, complete: true, fault: err}, nil //nolint:nilerr // an Inventory that cannot work is what the summary is about
	}
	s := summary{published: published, complete: true}
	var clusters clusterv1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return s, fmt.Errorf("listing Clusters: %w", err)
	}
	labelsOf := map[string]labels.Set{}
	for i := range clusters.Items {
		cluster := &clusters.Items[i]
		if r.options.WatchFilter != "" && cluster.Labels[clusterv1.WatchLabel] != r.options.WatchFilter {
			continue
		}
		namespace, read := labelsOf[cluster.Namespace]
		if !read {
			var err error
			if namespace, err = r.namespaceLabels(ctx, cluster.Namespace); err != nil {
				return s, err
			}
			labelsOf[cluster.Namespace] = namespace
		}
		if !compiled.Selects(cluster, namespace) {
			continue
		}
		s.clusters++
		if _, known := r.ledger.known(client.ObjectKeyFromObject(cluster), inventory.Name); !known {
			s.complete = false
		}
	}
	s.problems = append(r.ledger.of(inventory.Name), duplicateServers(published)...)
	return s, nil
}

// duplicateServers finds profiles of one namespace with the same server: Argo CD takes them for one cluster.
func duplicateServers(published []*inventoryv1alpha1.ClusterProfile) []clusterProblem {
	type address struct{ namespace, server string }
	first := map[address]*inventoryv1alpha1.ClusterProfile{}
	var found []clusterProblem
	for _, p := range published {
		if len(p.Status.AccessProviders) == 0 {
			continue
		}
		at := address{p.Namespace, p.Status.AccessProviders[0].Cluster.Server}
		other, taken := first[at]
		if !taken {
			first[at] = p
			continue
		}
		source, _ := profile.SourceOf(p)
		found = append(found, clusterProblem{Cluster: source, Problem: profile.Problem{
			Reason:  v1alpha1.ProblemDuplicateServer,
			Message: fmt.Sprintf("ClusterProfiles %s and %s of the namespace %s have the same server %s; Argo CD takes them for one cluster", other.Name, p.Name, p.Namespace, at.server),
		}})
	}
	return found
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
	for _, p := range s.published {
		healthy := string(metav1.ConditionUnknown)
		if condition := meta.FindStatusCondition(p.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy); condition != nil {
			healthy = string(condition.Status)
		}
		profiles.WithLabelValues(inventory, healthy).Inc()
	}
	for _, p := range s.problems {
		problems.WithLabelValues(inventory, p.Reason).Inc()
	}
}

func forgetMetrics(inventory string) {
	profiles.DeletePartialMatch(map[string]string{"inventory": inventory})
	problems.DeletePartialMatch(map[string]string{"inventory": inventory})
}
