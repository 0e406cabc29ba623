// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// unwatched deals with the profiles of a Cluster outside the scope, published when the scope was another one. They stay as they
// are, and that is reported; but they go with their Inventory and with their Cluster, so that neither is ever stuck.
func (r *Reconciler) unwatched(ctx context.Context, view *view, name types.NamespacedName) (ctrl.Result, error) {
	r.arrivals.take(name)
	var result withdrawal
	for _, published := range r.index.of(name) {
		live, err := profile.Read(published)
		if err != nil {
			result.add("", outcome{}, err)
			continue
		}
		_, inventory, _ := live.Source()
		if _, others := view.others[inventory]; others || !live.MayBeDeleted(r.options.ClusterManager) {
			continue
		}
		over, err := r.over(ctx, view, live, name, inventory)
		switch {
		case err != nil:
			result.add(inventory, outcome{}, err)
		case over:
			done, err := r.remove(ctx, live, nil)
			result.add(inventory, done, err)
		default:
			result.add(inventory, outcome{problems: []profile.Problem{notWatched(client.ObjectKeyFromObject(live), name)}}, nil)
		}
	}
	problems, wait, err := result.result()
	r.ledger.outside(name, problems)
	r.secrets.forget(name)
	if err := r.objects.keepOnly(ctx, name); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: wait}, err
}

// over reports whether a profile outlived its Inventory or its Cluster.
func (r *Reconciler) over(ctx context.Context, view *view, live *profile.Live, cluster types.NamespacedName, inventory string) (bool, error) {
	if _, known := view.versions[inventory]; !known {
		exists, err := r.hidden(ctx, view, inventory)
		return !exists, err
	}
	uid, err := r.liveUID(ctx, cluster)
	if err != nil {
		// The publisher may not be allowed to read Clusters outside its namespaces: then nobody knows.
		return false, nil //nolint:nilerr // a Cluster that cannot be read is taken to exist
	}
	return uid == "" || live.ClusterUID() != "" && live.ClusterUID() != uid, nil
}
