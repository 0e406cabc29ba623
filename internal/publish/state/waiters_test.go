// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/internal/publish/state"
)

func TestWaiters(t *testing.T) {
	w := state.NewWaiters()
	w.Add(p1, c1)
	w.Add(p1, c2)
	w.Add(p1, c1)
	byName := cmpopts.SortSlices(func(a, b types.NamespacedName) bool { return a.String() < b.String() })
	if diff := cmp.Diff([]types.NamespacedName{c1, c2}, w.Take(p1), byName); diff != "" {
		t.Errorf("each Cluster once -want +got:\n%s", diff)
	}
	if got := w.Take(p1); len(got) > 0 {
		t.Errorf("Clusters wait after they were taken: %v", got)
	}
	w.Add(p1, c1)
	w.Add(p1, c2)
	w.Forget(c1)
	if diff := cmp.Diff([]types.NamespacedName{c2}, w.Take(p1)); diff != "" {
		t.Errorf("a forgotten Cluster does not wait -want +got:\n%s", diff)
	}
	if !w.Empty() {
		t.Error("waits are left that no Cluster has")
	}
}
