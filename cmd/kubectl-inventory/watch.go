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
	toolscache "k8s.io/client-go/tools/cache"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/roster"
	"github.com/capi-inventory/capi-inventory/internal/terminal"
)

// board is what a watch has printed, and what it will print.
type board struct {
	*lister
	table    *terminal.Table
	profiles map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile
	checks   map[types.NamespacedName]*v1alpha1.SpokeCheck
	printed  map[types.NamespacedName]string
	// wanted are the profiles that were asked for by name; nil means all.
	wanted map[types.NamespacedName]bool
}

// follow prints every profile, and each again when it or its SpokeCheck has changed so that its row differs, until ctx ends.
func (l *lister) follow(ctx context.Context, hub client.Client, scope roster.Scope) error {
	b := &board{
		lister:   l,
		table:    l.header(),
		profiles: map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{},
		checks:   map[types.NamespacedName]*v1alpha1.SpokeCheck{},
		printed:  map[types.NamespacedName]string{},
	}
	if len(scope.Names) > 0 {
		profiles, err := roster.Profiles(ctx, hub, scope)
		if err != nil {
			return err
		}
		b.wanted = map[types.NamespacedName]bool{}
		for i := range profiles {
			b.wanted[client.ObjectKeyFromObject(&profiles[i])] = true
			if profiles[i].Namespace != scope.Namespace {
				// The name named a namespace of its own.
				scope.Namespace = ""
			}
		}
	}
	changes := make(chan func() types.NamespacedName)
	synced, err := l.observe(ctx, hub, scope, b, changes)
	if err != nil {
		return err
	}
	return b.loop(ctx, changes, synced)
}

// observe starts to watch; every change is sent as what makes it on the board. The channel it returns is closed when all that
// there was has been sent.
func (l *lister) observe(ctx context.Context, hub client.Client, scope roster.Scope, b *board, changes chan<- func() types.NamespacedName) (<-chan struct{}, error) {
	config, err := l.connection()
	if err != nil {
		return nil, err
	}
	watched := cache.Options{
		Scheme:   newScheme(),
		ByObject: map[client.Object]cache.ByObject{&inventoryv1alpha1.ClusterProfile{}: {Label: scope.Selector}},
	}
	if scope.Namespace != "" {
		watched.DefaultNamespaces = map[string]cache.Config{scope.Namespace: {}}
	}
	informers, err := cache.New(config, watched)
	if err != nil {
		return nil, fmt.Errorf("watching: %w", err)
	}
	kinds := []client.Object{&inventoryv1alpha1.ClusterProfile{}}
	if _, err := hub.RESTMapper().RESTMapping(v1alpha1.SchemeGroupVersion.WithKind("SpokeCheck").GroupKind()); err == nil {
		kinds = append(kinds, &v1alpha1.SpokeCheck{})
	}
	send := func(change func() types.NamespacedName) {
		select {
		case changes <- change:
		case <-ctx.Done():
		}
	}
	var registrations []toolscache.ResourceEventHandlerRegistration
	for _, kind := range kinds {
		informer, err := informers.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watching: %w", err)
		}
		registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { send(func() types.NamespacedName { return b.put(object) }) },
			UpdateFunc: func(_, object any) { send(func() types.NamespacedName { return b.put(object) }) },
			DeleteFunc: func(object any) { send(func() types.NamespacedName { return b.remove(object) }) },
		})
		if err != nil {
			return nil, fmt.Errorf("watching: %w", err)
		}
		registrations = append(registrations, registration)
	}
	go func() { _ = informers.Start(ctx) }()
	synced := make(chan struct{})
	go func() {
		defer close(synced)
		for _, registration := range registrations {
			toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced)
		}
	}()
	return synced, nil
}

// loop prints the board when all is on it, and then what changes.
func (b *board) loop(ctx context.Context, changes <-chan func() types.NamespacedName, synced <-chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case change := <-changes:
			key := change()
			if synced != nil {
				continue
			}
			b.print(key)
		case <-synced:
			synced = nil
			for _, key := range slices.SortedFunc(maps.Keys(b.profiles), func(x, y types.NamespacedName) int {
				return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
			}) {
				b.print(key)
			}
		}
		if err := b.table.Flush(); err != nil {
			return err
		}
	}
}

func (b *board) put(object any) types.NamespacedName {
	key := client.ObjectKeyFromObject(object.(client.Object))
	switch object := object.(type) {
	case *inventoryv1alpha1.ClusterProfile:
		b.profiles[key] = object
	case *v1alpha1.SpokeCheck:
		b.checks[key] = object
	}
	return key
}

func (b *board) remove(object any) types.NamespacedName {
	if last, unseen := object.(toolscache.DeletedFinalStateUnknown); unseen {
		object = last.Obj
	}
	gone, ok := object.(client.Object)
	if !ok {
		return types.NamespacedName{}
	}
	key := client.ObjectKeyFromObject(gone)
	switch gone := gone.(type) {
	case *v1alpha1.SpokeCheck:
		delete(b.checks, key)
	case *inventoryv1alpha1.ClusterProfile:
		delete(b.profiles, key)
		if _, shown := b.printed[key]; shown {
			row := b.row(gone, b.checks[key])
			row[age] = terminal.Cell{Text: "deleted", Tone: terminal.Bad}
			b.table.Add(row...)
		}
		delete(b.printed, key)
	}
	return key
}

// print adds the row of a profile to the table, where it is not the row that was printed last.
func (b *board) print(key types.NamespacedName) {
	profile := b.profiles[key]
	if profile == nil || b.wanted != nil && !b.wanted[key] {
		return
	}
	row := b.row(profile, b.checks[key])
	said := fmt.Sprint(row[:age], row[age+1:])
	if b.printed[key] == said {
		return
	}
	b.printed[key] = said
	b.table.Add(row...)
}
