// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
)

// lister lists Inventories, and may block.
type lister struct {
	client.Reader
	mu    sync.Mutex
	items []v1alpha1.Inventory
	// entered receives from each call, which returns when release is closed; nil for at once.
	entered, release chan struct{}
}

func (l *lister) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	l.mu.Lock()
	list.(*v1alpha1.InventoryList).Items = slices.Clone(l.items)
	entered, release := l.entered, l.release
	l.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
		<-release
	}
	return nil
}

func newInventories(t *testing.T, cached client.Reader, class string) *source.Inventories {
	t.Helper()
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	return source.NewInventories(cached, compiler, class)
}

func TestSnapshot(t *testing.T) {
	now := time.Now()
	inventory := func(name string, age time.Duration, change func(*v1alpha1.Inventory)) v1alpha1.Inventory {
		of := v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{
			Name: name, UID: types.UID(name), Generation: 1, CreationTimestamp: metav1.NewTime(now.Add(-age)),
		}}
		if change != nil {
			change(&of)
		}
		return of
	}
	cached := &lister{items: []v1alpha1.Inventory{
		inventory("young", time.Minute, nil),
		inventory("old", time.Hour, nil),
		inventory("invalid", 0, func(of *v1alpha1.Inventory) {
			of.Spec.Properties = []v1alpha1.PropertyExpression{{Name: "broken", Expression: "cluster."}}
		}),
		inventory("deleted", 0, func(of *v1alpha1.Inventory) { of.DeletionTimestamp = &metav1.Time{Time: now} }),
		inventory("foreign", 0, func(of *v1alpha1.Inventory) { of.Spec.PublisherClass = "other" }),
	}}
	snapshot, err := newInventories(t, cached, "").Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var valid []string
	for _, inventory := range snapshot.Valid {
		valid = append(valid, inventory.Name())
	}
	if diff := cmp.Diff([]string{"old", "young"}, valid); diff != "" {
		t.Errorf("the valid ones, the oldest first -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"invalid"}, slices.Collect(maps.Keys(snapshot.Invalid))); diff != "" {
		t.Errorf("the one whose expression does not compile -want +got:\n%s", diff)
	}
	revisions := map[string]profile.Revision{}
	for _, name := range []string{"old", "young", "invalid"} {
		revisions[name] = profile.Revision{UID: types.UID(name), Generation: 1}
	}
	if diff := cmp.Diff(revisions, snapshot.Revisions); diff != "" {
		t.Errorf("of all that this publisher serves -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"foreign": "other"}, snapshot.OtherClasses); diff != "" {
		t.Errorf("of another publisher -want +got:\n%s", diff)
	}
}

// A worker that is blocked with an older list must not bring the older Inventories back.
func TestOlderListDoesNotReturn(t *testing.T) {
	generation := func(generation int64) []v1alpha1.Inventory {
		return []v1alpha1.Inventory{{ObjectMeta: metav1.ObjectMeta{Name: "default", UID: "u", Generation: generation}}}
	}
	cached := &lister{items: generation(1), entered: make(chan struct{}, 2), release: make(chan struct{})}
	inventories := newInventories(t, cached, "")
	read := func() <-chan *source.Snapshot {
		result := make(chan *source.Snapshot, 1)
		go func() {
			snapshot, err := inventories.Snapshot(t.Context())
			if err != nil {
				t.Error(err)
			}
			result <- snapshot
		}()
		return result
	}
	blocked := read()
	<-cached.entered
	cached.mu.Lock()
	cached.items = generation(2)
	cached.mu.Unlock()
	later := read()
	close(cached.release)
	first, second := <-blocked, <-later
	if first.Revisions["default"].Generation != 1 || second.Revisions["default"].Generation != 2 {
		t.Errorf("got %v and then %v", first.Revisions, second.Revisions)
	}
	third, err := inventories.Snapshot(t.Context())
	if err != nil || third != second {
		t.Errorf("nothing has changed since: %v %v", third, err)
	}
}
