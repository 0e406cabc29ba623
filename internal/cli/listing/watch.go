// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package listing

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// watchTable is the state of a watch: what has been printed, and the objects to print. Only one goroutine uses it, which applies the
// changes that feeds send.
type watchTable struct {
	*Listing
	// table is nil until the initial state of all feeds has arrived.
	table    *printers.Table
	profiles map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile
	printed  map[types.NamespacedName]string
	// selected are the profiles that were selected by name; nil means all.
	selected map[types.NamespacedName]bool
	// pending is the number of feeds whose initial state has not arrived yet.
	pending int
}

func newWatchTable(l *Listing, feeds int) *watchTable {
	l.checks = lookup.NewChecks()
	return &watchTable{
		Listing:  l,
		profiles: map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{},
		printed:  map[types.NamespacedName]string{},
		pending:  feeds,
	}
}

// Watch prints every profile, and again when its row changes, until ctx ends. listed are the profiles of the selection. It returns an
// error if profiles cannot be watched, and omits SpokeChecks that cannot be.
func (l *Listing) Watch(ctx context.Context, hub client.WithWatch, listed []inventoryv1alpha1.ClusterProfile) error {
	feeds, err := feedsOf(hub, l.Selection)
	if err != nil {
		return err
	}
	t := newWatchTable(l, len(feeds))
	if len(l.Selection.Names) > 0 {
		t.selected = map[types.NamespacedName]bool{}
		for i := range listed {
			t.selected[client.ObjectKeyFromObject(&listed[i])] = true
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := make(chan change)
	for _, f := range feeds {
		if err := f.Start(ctx, hub, &sink{feed: f, changes: changes, done: ctx.Done()}); err != nil {
			return err
		}
	}
	return t.loop(ctx, changes, l.Ticks)
}

// loop applies the changes, and prints at each tick what has changed with the time alone. Nothing is printed before the initial state is
// complete, because it defines the widths of the columns.
func (t *watchTable) loop(ctx context.Context, changes <-chan change, ticks <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case change := <-changes:
			if err := change(t); err != nil {
				return err
			}
		case <-ticks:
			t.printAll()
		}
		if t.table == nil {
			continue
		}
		if err := t.table.Flush(); err != nil {
			return err
		}
	}
}

// synced counts a feed whose initial state has arrived, or never will.
func (t *watchTable) synced() {
	if t.pending--; t.pending > 0 {
		return
	}
	t.checksReadable = t.warnHidden()
	t.table = t.header()
	t.printAll()
}

// hideChecks removes the SpokeChecks of a namespace, which can no longer be watched.
func (t *watchTable) hideChecks(namespace string, err error) {
	t.checks.Hide(namespace)
	if t.table != nil {
		t.Warnf("SpokeChecks can no longer be watched: %s", printers.Printable(err.Error()))
		t.printAll()
	}
}

func (t *watchTable) printAll() {
	for _, key := range slices.SortedFunc(maps.Keys(t.profiles), func(x, y types.NamespacedName) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	}) {
		t.print(key)
	}
}

func (t *watchTable) put(object client.Object) {
	switch object := object.(type) {
	case *inventoryv1alpha1.ClusterProfile:
		t.profiles[client.ObjectKeyFromObject(object)] = object
	case *v1alpha1.SpokeCheck:
		t.checks.Put(object)
	}
	t.print(client.ObjectKeyFromObject(object))
}

func (t *watchTable) remove(deleted client.Object) {
	key := client.ObjectKeyFromObject(deleted)
	switch deleted := deleted.(type) {
	case *v1alpha1.SpokeCheck:
		t.checks.Remove(key)
		t.print(key)
	case *inventoryv1alpha1.ClusterProfile:
		delete(t.profiles, key)
		if _, printed := t.printed[key]; printed {
			row := t.row(deleted)
			row[age] = printers.Cell{Text: t.left(), Tone: printers.Bad}
			t.add(t.table, row)
		}
		delete(t.printed, key)
	}
}

// left says why a profile is not there any more. A watch with a selector does not say whether it was deleted, or matches no longer.
func (t *watchTable) left() string {
	if t.Selection.Selector != nil && !t.Selection.Selector.Empty() {
		return "gone"
	}
	return "deleted"
}

// print adds the row of a profile to the table, unless it is equal to the last one.
func (t *watchTable) print(key types.NamespacedName) {
	profile := t.profiles[key]
	if t.table == nil || profile == nil || t.selected != nil && !t.selected[key] {
		return
	}
	row := t.row(profile)
	text := fmt.Sprint(row[:age], row[age+1:])
	if t.printed[key] == text {
		return
	}
	t.printed[key] = text
	t.add(t.table, row)
}
