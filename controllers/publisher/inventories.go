// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// inventories reads what Inventories want, and compiles each generation of one once.
type inventories struct {
	cached   client.Reader
	compiler *cel.Compiler
	// class is that of the publisher; Inventories of all other classes are other publishers'.
	class string

	mu       sync.Mutex
	compiled map[types.UID]compiled
	latest   *view
}

type compiled struct {
	version   version
	deleted   bool
	inventory *profile.Inventory
	err       error
}

// version is one state of an Inventory's specification.
type version struct {
	uid        types.UID
	generation int64
}

// view is what all Inventories want at a time. It is not changed once it is made.
type view struct {
	// usable are the Inventories of this publisher that can publish, the oldest first.
	usable []*profile.Inventory
	// faults say which fields of an Inventory cannot work, by its name: what such a one has published is left as it is.
	faults map[string]error
	// versions are those of the Inventories above, by name.
	versions map[string]version
	// others are the Inventories that other publishers serve, with their classes.
	others map[string]string
}

// current returns what the Inventories in the cache want.
func (i *inventories) current(ctx context.Context) (*view, error) {
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
	next := &view{faults: map[string]error{}, versions: map[string]version{}, others: map[string]string{}}
	all := map[types.UID]compiled{}
	for n := range list.Items {
		source := &list.Items[n]
		of := i.compile(source)
		all[source.UID] = of
		switch {
		case source.Spec.PublisherClass != i.class:
			next.others[source.Name] = source.Spec.PublisherClass
			continue
		case of.deleted:
			continue
		case of.err != nil:
			next.faults[source.Name] = of.err
		default:
			next.usable = append(next.usable, of.inventory)
		}
		next.versions[source.Name] = of.version
	}
	profile.SortByAge(next.usable)
	i.compiled, i.latest = all, next
	return next, nil
}

func (i *inventories) compile(source *v1alpha1.Inventory) compiled {
	of := i.compiled[source.UID]
	if now := versionOf(source); of.version != now {
		of = compiled{version: now}
		if source.Spec.PublisherClass == i.class {
			of.inventory, of.err = profile.Compile(i.compiler, source)
		}
	}
	of.deleted = !source.DeletionTimestamp.IsZero()
	return of
}

// changed reports whether an Inventory is not the one that was compiled.
func (i *inventories) changed(source v1alpha1.Inventory) bool {
	of := i.compiled[source.UID]
	return of.version != versionOf(&source) || of.deleted == source.DeletionTimestamp.IsZero()
}

func versionOf(inventory *v1alpha1.Inventory) version {
	return version{uid: inventory.UID, generation: inventory.Generation}
}
