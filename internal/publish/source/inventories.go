// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Inventories reads what Inventories want, and compiles each generation of one once.
type Inventories struct {
	cached   client.Reader
	compiler *cel.Compiler
	// class is that of the publisher; other publishers serve Inventories of all other classes.
	class string

	mu       sync.Mutex
	compiled map[types.UID]compiled
	latest   *Snapshot
}

type compiled struct {
	revision  profile.Revision
	deleted   bool
	inventory *profile.Inventory
	err       error
}

// Snapshot is what all Inventories want at one time. It is not changed after it is made.
type Snapshot struct {
	// Compiled are the Inventories of this publisher.
	profile.Compiled
	// Revisions are those of the Inventories above, by name.
	Revisions map[string]profile.Revision
	// OtherClasses are the publisher classes of the Inventories that other publishers serve, by name.
	OtherClasses map[string]string
}

// IsOfOtherClass reports whether another publisher serves the Inventory of a name.
func (s *Snapshot) IsOfOtherClass(inventory string) bool {
	_, other := s.OtherClasses[inventory]
	return other
}

// NewInventories returns the Inventories of a publisher class, read from a cache.
func NewInventories(cached client.Reader, compiler *cel.Compiler, class string) *Inventories {
	return &Inventories{cached: cached, compiler: compiler, class: class, compiled: map[types.UID]compiled{}}
}

// Snapshot returns what the Inventories in the cache want.
func (i *Inventories) Snapshot(ctx context.Context) (*Snapshot, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	// Listed with the lock held: a caller with an older list would bring the older Inventories back.
	var list v1alpha1.InventoryList
	if err := i.cached.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing Inventories: %w", err)
	}
	if i.latest != nil && len(list.Items) == len(i.compiled) && !slices.ContainsFunc(list.Items, i.changed) {
		return i.latest, nil
	}
	next := &Snapshot{
		Compiled:     profile.Compiled{Invalid: map[string]error{}},
		Revisions:    map[string]profile.Revision{},
		OtherClasses: map[string]string{},
	}
	all := map[types.UID]compiled{}
	for n := range list.Items {
		inventory := &list.Items[n]
		result := i.compile(inventory)
		all[inventory.UID] = result
		switch {
		case inventory.Spec.PublisherClass != i.class:
			next.OtherClasses[inventory.Name] = inventory.Spec.PublisherClass
			continue
		case result.deleted:
			continue
		case result.err != nil:
			next.Invalid[inventory.Name] = result.err
		default:
			next.Valid = append(next.Valid, result.inventory)
		}
		next.Revisions[inventory.Name] = result.revision
	}
	profile.SortByAge(next.Valid)
	i.compiled, i.latest = all, next
	return next, nil
}

func (i *Inventories) compile(inventory *v1alpha1.Inventory) compiled {
	result := i.compiled[inventory.UID]
	if revision := profile.RevisionOf(inventory); result.revision != revision {
		result = compiled{revision: revision}
		if inventory.Spec.PublisherClass == i.class {
			result.inventory, result.err = profile.Compile(i.compiler, inventory)
		}
	}
	result.deleted = !inventory.DeletionTimestamp.IsZero()
	return result
}

// changed reports whether an Inventory is not the one that was compiled.
func (i *Inventories) changed(inventory v1alpha1.Inventory) bool {
	result := i.compiled[inventory.UID]
	return result.revision != profile.RevisionOf(&inventory) || result.deleted == inventory.DeletionTimestamp.IsZero()
}

// InventoryChanged passes the events that change what an Inventory wants: not those of its status, which the publisher writes.
var InventoryChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
		e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}}
