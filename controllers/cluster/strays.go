// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/target"
)

const (
	// strayDebounce is how long the changes of a stray profile are collected: each decision may list Clusters live.
	strayDebounce = 10 * time.Second
	// strayRequeue is how soon to look again at a stray profile that the controller of Clusters repairs.
	strayRequeue = time.Minute
)

// strayReconciler decides on a profile of this publisher whose provenance another writer has changed. Its labels lead to no Cluster
// that could be trusted, so that the controller of Clusters does not find it once its Cluster is gone.
//
//	the provenance that we own        | Clusters                         | what happens
//	----------------------------------|----------------------------------|-------------
//	any                               | one is published under its name  | nothing here: the controller of Clusters repairs it
//	another publisher's Inventory     | any                              | nothing here: that publisher decides
//	the UID of the Cluster            | a live list has none of that UID | withdrawn
//	the UID of the Cluster            | one of that UID exists           | reported
//	not the UID of the Cluster        | any                              | reported
//
// One at a time, so that many strays are not as many lists at once.
type strayReconciler struct{ clusters *Reconciler }

// Reconcile withdraws a stray profile or reports it.
func (s strayReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r := s.clusters
	live, err := r.Profiles.Get(ctx, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !live.Stray(r.ClusterManager) {
		r.Results.RecordStray(req.NamespacedName, "", nil)
		return ctrl.Result{}, nil
	}
	snapshot, err := r.Inventories.Snapshot(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	repaired, err := s.repaired(ctx, snapshot, live)
	if err != nil {
		return ctrl.Result{}, err
	}
	if repaired {
		r.Results.RecordStray(req.NamespacedName, "", nil)
		return ctrl.Result{RequeueAfter: strayRequeue}, nil
	}
	why, err := s.notOrphaned(ctx, live)
	if err != nil {
		return ctrl.Result{}, err
	}
	var result target.Result
	if why == "" {
		result, err = r.Profiles.Delete(ctx, live)
	} else {
		result.Problems = []profile.Problem{changedProvenance(req.NamespacedName, why)}
	}
	s.record(ctx, snapshot, live, result.Problems)
	return ctrl.Result{RequeueAfter: result.RequeueAfter}, err
}

// repaired reports whether a stray profile is left to another reconciler: to that of Clusters, because a Cluster is published under its
// name, or to the publisher that serves its Inventory.
func (s strayReconciler) repaired(ctx context.Context, snapshot *source.Snapshot, live *profile.Live) (bool, error) {
	r := s.clusters
	_, inventory, _ := live.Provenance()
	if snapshot.IsOfOtherClass(inventory) {
		return true, nil
	}
	key := client.ObjectKeyFromObject(live)
	clusters, inventories, err := s.candidates(ctx, snapshot, key.Namespace)
	if err != nil {
		return false, err
	}
	for i := range clusters {
		cluster := &clusters[i]
		named := slices.ContainsFunc(inventories, func(inventory *profile.Inventory) bool { return inventory.Key(cluster) == key })
		if !named || !r.scope.includes(cluster) || r.ownership(snapshot, live, cluster) != profile.Owned {
			continue
		}
		if p, err := r.newPass(ctx, snapshot, cluster); err != nil || p.claims.Has(key) {
			return true, err
		}
	}
	return false, nil
}

// candidates returns the Inventories that publish into a namespace, and the Clusters that these may publish there: no Clusters, or those
// of the namespace, unless an Inventory gathers all Clusters in it.
func (s strayReconciler) candidates(
	ctx context.Context, snapshot *source.Snapshot, namespace string,
) ([]clusterv1.Cluster, []*profile.Inventory, error) {
	var inventories []*profile.Inventory
	from := namespace
	for _, inventory := range snapshot.Valid {
		publishes, ownOnly := inventory.PublishesInto(namespace)
		if !publishes {
			continue
		}
		inventories = append(inventories, inventory)
		if !ownOnly {
			from = metav1.NamespaceAll
		}
	}
	if len(inventories) == 0 || from != metav1.NamespaceAll && !s.clusters.scope.watches(from) {
		return nil, nil, nil
	}
	var clusters clusterv1.ClusterList
	if err := s.clusters.Client.List(ctx, &clusters, client.InNamespace(from), client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("listing Clusters: %w", err)
	}
	return clusters.Items, inventories, nil
}

// notOrphaned returns why a stray profile must stay; empty if it is certain that its Cluster is gone: the publisher still owns the
// label with the UID, and the API server has no Cluster of that UID. A UID is never given twice.
func (s strayReconciler) notOrphaned(ctx context.Context, live *profile.Live) (why string, err error) {
	uid := live.ClusterUID()
	if uid == "" {
		return "nothing says which Cluster it stands for", nil
	}
	clusters := &metav1.PartialObjectMetadataList{}
	clusters.SetGroupVersionKind(clusterv1.GroupVersion.WithKind("ClusterList"))
	// An object never changes its namespace. If the publisher does not own that label, it may be any one.
	cluster, _, _ := live.Provenance()
	err = s.clusters.APIReader.List(ctx, clusters, client.InNamespace(cluster.Namespace))
	switch {
	case apierrors.IsForbidden(err):
		return "the publisher may not list Clusters to see whether the one with the UID " + string(uid) + " exists", nil
	case err != nil:
		return "", fmt.Errorf("confirming that the Cluster of ClusterProfile %s is gone: %w", client.ObjectKeyFromObject(live), err)
	}
	for i := range clusters.Items {
		if clusters.Items[i].UID == uid {
			return fmt.Sprintf("the Cluster %s that it stands for exists and is not published under this name",
				client.ObjectKeyFromObject(&clusters.Items[i])), nil
		}
	}
	return "", nil
}

// record records the problems of a stray profile for the Inventory that it names. If this publisher serves none of that name, an Event
// on the profile reports them, once.
func (s strayReconciler) record(ctx context.Context, snapshot *source.Snapshot, live *profile.Live, problems []profile.Problem) {
	inventory := live.Labels[v1alpha1.LabelInventory]
	_, served := snapshot.Revisions[inventory]
	if !served {
		inventory = ""
	}
	if !s.clusters.Results.RecordStray(client.ObjectKeyFromObject(live), inventory, problems) || served {
		return
	}
	for _, p := range problems {
		logf.FromContext(ctx).Info("A profile names no Inventory that could report its problem", "reason", p.Reason, "message", p.Message)
		s.clusters.events.stray(live.ClusterProfile, p)
	}
}

func changedProvenance(key types.NamespacedName, why string) profile.Problem {
	return profile.NewProblem(v1alpha1.ProblemProvenanceChanged,
		"ClusterProfile %s is neither updated nor withdrawn, because another writer has changed its labels capi-inventory.dev/* and %s: "+
			"delete it, unless it is needed", key, why)
}

// enqueue reconciles profiles that are stray, at once when they appear and after a pause when they change, and those that have been
// stray.
func (s strayReconciler) enqueue() handler.EventHandler {
	add := func(object client.Object, to Queue, after time.Duration) {
		p, ok := object.(*inventoryv1alpha1.ClusterProfile)
		if !ok {
			return
		}
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(p)}
		live, err := profile.Read(p)
		switch {
		case err == nil && live.Stray(s.clusters.ClusterManager):
			to.AddAfter(request, after)
		case s.clusters.Results.IsStray(p):
			to.Add(request)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, to Queue) { add(e.Object, to, 0) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, to Queue) { add(e.ObjectNew, to, strayDebounce) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, to Queue) { add(e.Object, to, 0) },
	}
}
