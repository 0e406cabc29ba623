// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// board is what a watch has printed, and what it will print. Only one goroutine works on it, by the changes that feeds send.
type board struct {
	*lister
	// table is nil until everything that there is has arrived.
	table    *printers.Table
	profiles map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile
	printed  map[types.NamespacedName]string
	// wanted are the profiles that were asked for by name; nil means all.
	wanted map[types.NamespacedName]bool
	// pending is how many feeds have not delivered yet what there is.
	pending int
}

// follow prints every profile, and each again when it or its SpokeCheck has changed so that its row differs, until ctx ends.
// It ends with an error where profiles cannot be watched, and does without SpokeChecks where those cannot.
func (l *lister) follow(ctx context.Context, hub client.Client, scope lookup.Selection, listed []inventoryv1alpha1.ClusterProfile) error {
	l.checks = lookup.NewChecks()
	b := &board{lister: l, profiles: map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{}, printed: map[types.NamespacedName]string{}}
	if len(scope.Names) > 0 {
		b.wanted = map[types.NamespacedName]bool{}
		for i := range listed {
			b.wanted[client.ObjectKeyFromObject(&listed[i])] = true
		}
	}
	feeds, err := feedsOf(hub, scope)
	if err != nil {
		return err
	}
	config, err := l.connection()
	if err != nil {
		return err
	}
	watched, err := client.NewWithWatch(config, client.Options{Scheme: hub.Scheme(), Mapper: hub.RESTMapper()})
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes := make(chan change)
	b.pending = len(feeds)
	for _, f := range feeds {
		if err := f.start(ctx, watched, changes); err != nil {
			return err
		}
	}
	return b.loop(ctx, changes)
}

// loop makes the changes. Nothing is printed before all that there is has arrived: the columns are as wide as it needs.
func (b *board) loop(ctx context.Context, changes <-chan change) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case change := <-changes:
			if err := change(b); err != nil {
				return err
			}
		}
		if b.table == nil {
			continue
		}
		if err := b.table.Flush(); err != nil {
			return err
		}
	}
}

// delivered counts a feed that has delivered what there is, or never will.
func (b *board) delivered() {
	if b.pending--; b.pending > 0 {
		return
	}
	b.checked = b.tellHidden()
	b.table = b.header()
	b.printAll()
}

// blind takes the SpokeChecks of a namespace off the board.
func (b *board) blind(namespace string, err error) {
	b.checks.Hide(namespace)
	if b.table != nil {
		b.say("SpokeChecks can no longer be watched: %s", printers.Printable(err.Error()))
		b.printAll()
	}
}

func (b *board) printAll() {
	for _, key := range slices.SortedFunc(maps.Keys(b.profiles), func(x, y types.NamespacedName) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	}) {
		b.print(key)
	}
}

func (b *board) put(object client.Object) {
	switch object := object.(type) {
	case *inventoryv1alpha1.ClusterProfile:
		b.profiles[client.ObjectKeyFromObject(object)] = object
	case *v1alpha1.SpokeCheck:
		b.checks.Put(object)
	}
	b.print(client.ObjectKeyFromObject(object))
}

func (b *board) remove(gone client.Object) {
	key := client.ObjectKeyFromObject(gone)
	switch gone := gone.(type) {
	case *v1alpha1.SpokeCheck:
		b.checks.Remove(key)
		b.print(key)
	case *inventoryv1alpha1.ClusterProfile:
		delete(b.profiles, key)
		if _, shown := b.printed[key]; shown {
			row := b.row(gone)
			row[age] = printers.Cell{Text: "deleted", Tone: printers.Bad}
			b.add(b.table, row)
		}
		delete(b.printed, key)
	}
}

// print adds the row of a profile to the table, where it is not the row that was printed last.
func (b *board) print(key types.NamespacedName) {
	profile := b.profiles[key]
	if b.table == nil || profile == nil || b.wanted != nil && !b.wanted[key] {
		return
	}
	row := b.row(profile)
	said := fmt.Sprint(row[:age], row[age+1:])
	if b.printed[key] == said {
		return
	}
	b.printed[key] = said
	b.add(b.table, row)
}
