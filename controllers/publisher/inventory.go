// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// lookAgainForRest is how soon to look again at what keeps a deleted Inventory.
const lookAgainForRest = 5 * time.Second

// InventoryReconciler reports what became of an Inventory, and holds a deleted one until its profiles are gone.
type InventoryReconciler struct{ *Reconciler }

// Reconcile writes the status of an Inventory where it has changed. Inventories of other publisher classes are left alone.
func (r InventoryReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	inventory := &v1alpha1.Inventory{}
	if err := r.client.Get(ctx, req.NamespacedName, inventory); apierrors.IsNotFound(err) {
		r.metrics.inventories.forget(req.Name)
		r.reports.drop(req.NamespacedName)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the Inventory: %w", err)
	}
	if inventory.Spec.PublisherClass != r.options.PublisherClass {
		return ctrl.Result{}, nil
	}
	if wait, err := r.refresh(ctx, inventory); err != nil || wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, err
	}
	published := r.index.by(inventory.Name)
	var rest []profile.Problem
	switch {
	case inventory.DeletionTimestamp.IsZero():
		if err := r.hold(ctx, inventory); err != nil {
			return ctrl.Result{}, err
		}
	case !r.mayDeleteAny(published):
		var err error
		if rest, err = r.release(ctx, inventory); err != nil || len(rest) == 0 {
			return ctrl.Result{}, err
		}
	}
	return r.summarizeAndReport(ctx, inventory, published, rest)
}

func (r InventoryReconciler) summarizeAndReport(ctx context.Context, inventory *v1alpha1.Inventory, published []*inventoryv1alpha1.ClusterProfile, rest []profile.Problem) (ctrl.Result, error) {
	// What it costs is paced, and not what the time of day is.
	started := time.Now()
	summary, err := r.summarize(ctx, inventory, published)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, p := range rest {
		summary.problems = append(summary.problems, clusterProblem{Problem: p})
	}
	r.summaryTook.Store(int64(time.Since(started)))
	r.metrics.inventories.set(inventory.Name, summary.figures())
	var again soonest
	if !summary.complete {
		again.add(r.nextSummary())
	}
	if len(rest) > 0 {
		again.add(lookAgainForRest)
	}
	return ctrl.Result{RequeueAfter: again.duration()}, r.report(ctx, inventory, summary)
}

// refresh makes sure that an Inventory has the status that was reported last: a report that equals an older one would be left
// out. It returns how long to wait for the cache, which in the end is passed by.
func (r InventoryReconciler) refresh(ctx context.Context, inventory *v1alpha1.Inventory) (wait time.Duration, err error) {
	key := client.ObjectKeyFromObject(inventory)
	left, behind := r.reports.behindVersion(key, inventory.ResourceVersion)
	if !behind || left > 0 {
		return min(left, coalesce), nil
	}
	err = r.live.Get(ctx, key, inventory)
	switch {
	case err == nil:
		return 0, nil
	case apierrors.IsNotFound(err):
		// Its deletion is not in the cache yet.
		return coalesce, nil
	}
	return 0, fmt.Errorf("reading the Inventory: %w", err)
}

// hold adds the finalizer, by a patch that touches nothing else: the specification may have fields that this version does not
// know. The patch is for the version that was read.
func (r InventoryReconciler) hold(ctx context.Context, inventory *v1alpha1.Inventory) error {
	return r.patchFinalizers(ctx, inventory, controllerutil.AddFinalizer)
}

// mayDeleteAny reports whether one of the profiles is this publisher's to withdraw. One whose provenance somebody has changed,
// and whose Cluster is gone, is not, and must not hold an Inventory for ever.
func (r InventoryReconciler) mayDeleteAny(published []*inventoryv1alpha1.ClusterProfile) bool {
	return slices.ContainsFunc(published, func(p *inventoryv1alpha1.ClusterProfile) bool {
		live, err := profile.Read(p)
		return err != nil || live.MayBeDeleted(r.options.ClusterManager)
	})
}

// release lets a deleted Inventory go. A live list confirms that no profile is left that is this publisher's to withdraw; those
// that are left it returns as problems.
func (r InventoryReconciler) release(ctx context.Context, inventory *v1alpha1.Inventory) ([]profile.Problem, error) {
	var labelled inventoryv1alpha1.ClusterProfileList
	if err := r.live.List(ctx, &labelled, client.MatchingLabels{v1alpha1.LabelInventory: inventory.Name}); err != nil {
		return nil, fmt.Errorf("confirming that the Inventory's profiles are gone: %w", err)
	}
	var left []profile.Problem
	for i := range labelled.Items {
		live, err := profile.Read(&labelled.Items[i])
		if err != nil {
			return nil, err
		}
		if live.MayBeDeleted(r.options.ClusterManager) {
			left = append(left, profile.NewProblem(v1alpha1.ProblemPublishFailed, "ClusterProfile %s has not been withdrawn yet", client.ObjectKeyFromObject(live)))
		}
	}
	if len(left) > 0 {
		return left, nil
	}
	return nil, r.patchFinalizers(ctx, inventory, controllerutil.RemoveFinalizer)
}

func (r InventoryReconciler) patchFinalizers(ctx context.Context, inventory *v1alpha1.Inventory, change func(client.Object, string) bool) error {
	before := inventory.DeepCopy()
	if !change(inventory, v1alpha1.FinalizerProfiles) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, inventory, patch, client.FieldOwner(profile.FieldManager)); err != nil {
		return fmt.Errorf("patching the finalizers: %w", client.IgnoreNotFound(err))
	}
	return nil
}
