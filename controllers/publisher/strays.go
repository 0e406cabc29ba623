// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

const (
	// strayPause is how long the changes of a stray profile are collected: each decision may list Clusters live.
	strayPause = 10 * time.Second
	// strayCheck is how soon to look again at a stray profile that the reconciler of Clusters repairs.
	strayCheck = time.Minute
)

// strayReconciler decides on a profile of this publisher whose provenance another writer has changed. Its labels lead to no Cluster
// that could be trusted, so that the reconciler of Clusters does not find it once its Cluster is gone.
//
//	the provenance that we own        | Clusters                         | what happens
//	----------------------------------|----------------------------------|-------------
//	any                               | one is published under its name  | nothing here: the reconciler of Clusters puts it back
//	another publisher's Inventory     | any                              | nothing here: that publisher decides
//	the UID of the Cluster            | a live list has none of that UID | withdrawn
//	the UID of the Cluster            | one of that UID exists           | reported
//	not the UID of the Cluster        | any                              | reported
//
// One at a time, so that many strays are not as many lists at once.
type strayReconciler struct{ *Reconciler }

// Reconcile withdraws a stray profile or reports it.
func (r strayReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	live, err := r.profile(ctx, r.client, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !live.Stray(r.options.ClusterManager) {
		r.ledger.stray(req.NamespacedName, entry{})
		return ctrl.Result{}, nil
	}
	view, err := r.inventories.current(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	repaired, err := r.repaired(ctx, view, live)
	if err != nil {
		return ctrl.Result{}, err
	}
	if repaired {
		r.ledger.stray(req.NamespacedName, entry{})
		return ctrl.Result{RequeueAfter: strayCheck}, nil
	}
	why, err := r.notOrphaned(ctx, live)
	if err != nil {
		return ctrl.Result{}, err
	}
	var done outcome
	if why == "" {
		done, err = r.remove(ctx, live, nil)
	} else {
		done.problems = []profile.Problem{changedProvenance(req.NamespacedName, why)}
	}
	r.note(ctx, view, live, done.problems)
	return ctrl.Result{RequeueAfter: done.again}, err
}

// repaired reports whether somebody else decides on a stray profile: the reconciler of Clusters, because a Cluster is published under
// its name, or the publisher that serves its Inventory.
func (r strayReconciler) repaired(ctx context.Context, view *view, live *profile.Live) (bool, error) {
	_, inventory, _ := live.Source()
	if _, others := view.others[inventory]; others {
		return true, nil
	}
	var clusters clusterv1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("listing Clusters: %w", err)
	}
	key := client.ObjectKeyFromObject(live)
	for i := range clusters.Items {
		cluster := &clusters.Items[i]
		named := slices.ContainsFunc(view.usable, func(inv *profile.Inventory) bool { return inv.Key(cluster) == key })
		if !named || !r.scope.includes(cluster) || r.standing(view, live, cluster) != profile.Ours {
			continue
		}
		if claims, err := r.decide(ctx, view, cluster); err != nil || claims.Has(key) {
			return true, err
		}
	}
	return false, nil
}

// notOrphaned returns why a stray profile must stay; empty where it is certain that its Cluster is gone: the publisher still owns the
// label with the UID, and the API server has no Cluster of that UID. A UID is never given twice.
func (r strayReconciler) notOrphaned(ctx context.Context, live *profile.Live) (why string, err error) {
	uid := live.ClusterUID()
	if uid == "" {
		return "nothing says which Cluster it stands for", nil
	}
	clusters := &metav1.PartialObjectMetadataList{}
	clusters.SetGroupVersionKind(clusterv1.GroupVersion.WithKind("ClusterList"))
	// An object never changes its namespace; where the publisher does not own that label, any may be it.
	source, _, _ := live.Source()
	err = r.live.List(ctx, clusters, client.InNamespace(source.Namespace))
	switch {
	case apierrors.IsForbidden(err):
		return "the publisher may not list Clusters to see whether the one with the UID " + string(uid) + " exists", nil
	case err != nil:
		return "", fmt.Errorf("confirming that the Cluster of ClusterProfile %s is gone: %w", client.ObjectKeyFromObject(live), err)
	}
	for i := range clusters.Items {
		if clusters.Items[i].UID == uid {
			return fmt.Sprintf("the Cluster %s that it stands for exists and is not published under this name", client.ObjectKeyFromObject(&clusters.Items[i])), nil
		}
	}
	return "", nil
}

// note records the problems of a stray profile for the Inventory that it names; where this publisher serves none of that name, an
// Event on the profile reports them, once.
func (r strayReconciler) note(ctx context.Context, view *view, live *profile.Live, problems []profile.Problem) {
	inventory := live.Labels[v1alpha1.LabelInventory]
	_, served := view.versions[inventory]
	if !served {
		inventory = ""
	}
	if !r.ledger.stray(client.ObjectKeyFromObject(live), entry{inventory: inventory, problems: problems}) || served {
		return
	}
	for _, p := range problems {
		logf.FromContext(ctx).Info("A profile names no Inventory that could report its problem", "reason", p.Reason, "message", p.Message)
		r.announcer.stray(live.ClusterProfile, p)
	}
}

func changedProvenance(key types.NamespacedName, why string) profile.Problem {
	return profile.NewProblem(v1alpha1.ProblemProvenanceChanged,
		"ClusterProfile %s is neither updated nor withdrawn, because another writer has changed its labels capi-inventory.dev/* and %s: "+
			"delete it, unless it is needed", key, why)
}

// stray records the problems of a stray profile, none where it is no longer one, and reports whether they are new.
func (l *ledger) stray(key types.NamespacedName, now entry) bool {
	l.mu.Lock()
	before := l.strays[key]
	if len(now.problems) > 0 {
		l.strays[key] = now
	} else {
		delete(l.strays, key)
	}
	l.mu.Unlock()
	if before.inventory == now.inventory && before.equal(now) {
		return false
	}
	for _, inventory := range []string{before.inventory, now.inventory} {
		if inventory != "" {
			l.wake(inventory)
		}
	}
	return true
}

// isStray reports whether a profile has been found to be stray.
func (l *ledger) isStray(p *inventoryv1alpha1.ClusterProfile) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, stray := l.strays[client.ObjectKeyFromObject(p)]
	return stray
}

// enqueueStray reconciles profiles that are stray, at once when they appear and after a pause when they change, and those that have
// been so.
func (r *Reconciler) enqueueStray() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	add := func(object client.Object, to queue, after time.Duration) {
		p, ok := object.(*inventoryv1alpha1.ClusterProfile)
		if !ok {
			return
		}
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(p)}
		live, err := profile.Read(p)
		switch {
		case err == nil && live.Stray(r.options.ClusterManager):
			to.AddAfter(request, after)
		case r.ledger.isStray(p):
			to.Add(request)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, to queue) { add(e.Object, to, 0) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, to queue) { add(e.ObjectNew, to, strayPause) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, to queue) { add(e.Object, to, 0) },
	}
}
