// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

// emptyHub reads a hub that has no Inventories, no Clusters and nothing else.
type emptyHub struct{ client.Reader }

func (emptyHub) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func (emptyHub) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, "")
}

// newEmptyReconciler returns a reconciler of a hub that has nothing, which watches the namespaces; none for all.
func newEmptyReconciler(t *testing.T, namespaces []string) *Reconciler {
	t.Helper()
	clock := clocktesting.NewFakeClock(time.Now())
	latency, err := state.NewLatency(clock, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{
		ClusterManager: "cluster-api",
		Namespaces:     namespaces,
		Clock:          clock,
		Client:         emptyHub{},
		Inventories:    source.NewInventories(emptyHub{}, nil, ""),
		Clusters:       source.NewClusters(source.Options{Clock: clock}),
		Index:          state.NewProfileIndex("cluster-api"),
		Results:        state.NewResults(nil),
		Latency:        latency,
	})
}

// A Cluster that waited for a profile which never came leaves nothing behind when it is gone, or if it is not watched.
func TestWaitersAreDropped(t *testing.T) {
	p1 := types.NamespacedName{Namespace: "fleet", Name: "p1"}
	c1 := types.NamespacedName{Namespace: "team-a", Name: "c1"}
	for name, namespaces := range map[string][]string{"Gone": nil, "NotWatched": {"elsewhere"}} {
		t.Run(name, func(t *testing.T) {
			r := newEmptyReconciler(t, namespaces)
			r.waiters.Add(p1, c1)
			if _, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: c1}); err != nil {
				t.Fatal(err)
			}
			if left := r.waiters.Take(p1); len(left) > 0 {
				t.Errorf("still waiting: %v", left)
			}
		})
	}
}

func TestKeepKnown(t *testing.T) {
	problem := func(reason, message string) profile.Problem { return profile.Problem{Reason: reason, Message: message} }
	known := []profile.Problem{problem("PublishFailed", "port 1"), problem("LabelSkipped", "a"), problem("LabelSkipped", "b")}
	for name, tc := range map[string]struct{ found, want []profile.Problem }{
		"nothing was decided": {want: known},
		"an error with another text": {
			found: []profile.Problem{problem("PublishFailed", "port 2")},
			want:  []profile.Problem{known[1], known[2], problem("PublishFailed", "port 2")},
		},
		"the same again": {found: known[1:], want: known},
		"an error that was not there": {
			found: []profile.Problem{problem("WriteRefused", "no")},
			want:  append(slices.Clone(known), problem("WriteRefused", "no")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, keepKnown(known, tc.found)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
