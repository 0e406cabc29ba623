// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/state"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// hub lists the Clusters of a hub, and counts how often.
type hub struct {
	client.Client
	clusters []clusterv1.Cluster
	lists    int
}

func (h *hub) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	h.lists++
	list.(*clusterv1.ClusterList).Items = h.clusters
	return nil
}

// Clusters are listed only where the answer is not known without, and not any more once all have been observed.
func TestAllObserved(t *testing.T) {
	c1 := types.NamespacedName{Namespace: "team-a", Name: "c1"}
	late := types.NamespacedName{Namespace: "team-a", Name: "late"}
	read := &hub{clusters: []clusterv1.Cluster{*fixture.Cluster(c1.Namespace, c1.Name)}}
	results, synced, listed := state.NewResults(nil), 0, false
	r := &Reconciler{Options: Options{
		Client: read, Results: results, OnSynced: func() { synced++ }, Listed: func() bool { return listed },
	}}
	for _, step := range []struct {
		why    string
		change func()
		want   bool
		lists  int
		synced int
	}{
		{why: "the list is not enqueued yet, and the cache has a Cluster", lists: 1},
		{why: "a Cluster that existed has not been reconciled", change: func() { results.Existing(c1) }, lists: 1},
		{
			why: "another one came since",
			change: func() {
				read.clusters = append(read.clusters, *fixture.Cluster(late.Namespace, late.Name))
				results.Record(c1, state.Result{})
			},
			lists: 2,
		},
		{why: "all have been reconciled", change: func() { results.Record(late, state.Result{}) }, want: true, lists: 3},
		{why: "that stays so", change: func() { results.Existing(types.NamespacedName{Name: "later"}) }, want: true, lists: 3},
		{why: "the control planes are listed too", change: func() { listed = true }, want: true, lists: 3, synced: 1},
		{why: "that is reported once", want: true, lists: 3, synced: 1},
	} {
		if step.change != nil {
			step.change()
		}
		got, err := r.allObserved(t.Context())
		if err != nil || got != step.want {
			t.Errorf("%s: got %t, %v", step.why, got, err)
		}
		if read.lists != step.lists {
			t.Errorf("%s: Clusters were listed %d times, want %d", step.why, read.lists, step.lists)
		}
		if synced != step.synced {
			t.Errorf("%s: OnSynced was called %d times, want %d", step.why, synced, step.synced)
		}
	}
}
