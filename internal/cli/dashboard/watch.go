// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	"sync"
	"time"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/feed"
)

// The kinds that are watched.
const (
	kindProfiles    = "ClusterProfiles"
	kindChecks      = "SpokeChecks"
	kindGrants      = "AccessGrants"
	kindInventories = "Inventories"
)

// feeds returns the feeds of a namespace, or of all if it is empty. Inventories have no namespace.
func feeds(namespace string) []feed.Feed {
	return []feed.Feed{
		{
			Kind:      kindProfiles,
			Object:    &inventoryv1alpha1.ClusterProfile{},
			NewList:   func() client.ObjectList { return &inventoryv1alpha1.ClusterProfileList{} },
			Namespace: namespace,
		},
		{
			Kind:      kindChecks,
			Object:    &v1alpha1.SpokeCheck{},
			NewList:   func() client.ObjectList { return &v1alpha1.SpokeCheckList{} },
			Namespace: namespace,
		},
		{
			Kind:      kindGrants,
			Object:    &v1alpha1.AccessGrant{},
			NewList:   func() client.ObjectList { return &v1alpha1.AccessGrantList{} },
			Namespace: namespace,
		},
		{
			Kind:    kindInventories,
			Object:  &v1alpha1.Inventory{},
			NewList: func() client.ObjectList { return &v1alpha1.InventoryList{} },
		},
	}
}

// handler records what one feed reports, until the feed has ended: events that are still on their way then are ignored.
type handler struct {
	store *store
	feed  feed.Feed
	ended chan struct{}

	mu   sync.Mutex
	done bool
}

func (h *handler) Put(object client.Object)    { h.unlessDone(func() { h.store.put(object) }) }
func (h *handler) Remove(object client.Object) { h.unlessDone(func() { h.store.remove(object) }) }

func (h *handler) Synced() {
	h.set(func(k *kind) { k.State, k.Error, k.synced = stateLive, "", true })
}

func (h *handler) Failed(err error) {
	h.set(func(k *kind) { k.State, k.Error = stateAway, bounded(err.Error()) })
}

func (h *handler) Recovered() {
	h.set(func(k *kind) {
		if k.State, k.Error = stateLoading, ""; k.synced {
			k.State = stateLive
		}
	})
}

func (h *handler) Ended(err error) {
	h.unlessDone(func() {
		h.done = true
		h.store.forget(h.feed.Object)
		h.store.setKind(h.feed.Kind, func(k *kind) { k.State, k.Error, k.synced = failure(err), bounded(err.Error()), false })
		close(h.ended)
	})
}

func (h *handler) set(change func(*kind)) {
	h.unlessDone(func() { h.store.setKind(h.feed.Kind, change) })
}

func (h *handler) unlessDone(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.done {
		do()
	}
}

// keep watches one kind until ctx ends. What the user may not watch, or the hub does not serve, is tried again after a pause: rights may
// be granted, and CRDs installed.
func (d *Dashboard) keep(ctx context.Context, f feed.Feed) {
	for ctx.Err() == nil {
		h := &handler{store: d.store, feed: f, ended: make(chan struct{})}
		if err := f.Start(ctx, d.hub(), h); err != nil {
			h.Ended(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-h.ended:
		}
		select {
		case <-ctx.Done():
		case <-time.After(d.options.Retry):
		}
		if f.Kind == kindProfiles && d.store.kindState(f.Kind) == stateAbsent {
			d.reconnect(ctx)
		}
	}
}

// tick updates the tiles that change with the time alone.
func (d *Dashboard) tick(ctx context.Context) {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			d.store.refresh()
		}
	}
}

// maxError is the length at which an error is cut.
const maxError = 300

func bounded(text string) string {
	if runes := []rune(text); len(runes) > maxError {
		return string(runes[:maxError]) + "…"
	}
	return text
}
