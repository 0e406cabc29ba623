// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"encoding/json"
	"maps"

	"k8s.io/apimachinery/pkg/types"
)

// subscriber collects what has changed since its last update, so that a slow reader gets the last state of each tile and not every one.
type subscriber struct {
	// wake has an element if there is something to take.
	wake chan struct{}
	// dirty are the profiles that have changed: true if their tiles have, and false if only their details have.
	dirty map[types.NamespacedName]bool
	// stale means that the status has changed.
	stale bool
}

// update is what has changed.
type update struct {
	Put  []json.RawMessage `json:"put,omitempty"`
	Gone []string          `json:"gone,omitempty"`
	// Touched are the profiles of which the details have changed, and the tiles have not: a check was renewed, for example.
	Touched []string `json:"touched,omitempty"`
	// Status is nil if it has not changed.
	Status *status `json:"-"`
	// more means that the limit was reached.
	more bool
}

// number returns how many profiles it is about.
func (u update) number() int { return len(u.Put) + len(u.Gone) + len(u.Touched) }

// subscribe returns a subscriber for which everything has changed.
func (s *store) subscribe() *subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &subscriber{wake: make(chan struct{}, 1), dirty: make(map[types.NamespacedName]bool, len(s.tiles)), stale: true}
	for key := range maps.Keys(s.tiles) {
		one.dirty[key] = true
	}
	one.notify()
	s.subscribers[one] = true
	return one
}

func (s *store) unsubscribe(one *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subscribers, one)
}

func (u *subscriber) notify() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// mark marks a tile as changed. It must hold mu.
func (s *store) mark(key types.NamespacedName) {
	for one := range s.subscribers {
		one.dirty[key] = true
		one.notify()
	}
}

// touch marks the details of a profile as changed. It must hold mu.
func (s *store) touch(key types.NamespacedName) {
	for one := range s.subscribers {
		if _, marked := one.dirty[key]; !marked {
			one.dirty[key] = false
		}
		one.notify()
	}
}

// changed marks the status as changed. It must hold mu.
func (s *store) changed() {
	for one := range s.subscribers {
		one.stale = true
		one.notify()
	}
}

// take returns what has changed since the last call, with at most limit tiles.
func (s *store) take(one *subscriber, limit int) update {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out update
	if one.stale {
		current := s.status()
		out.Status, one.stale = &current, false
	}
	for key, changed := range one.dirty {
		if out.number() == limit {
			out.more = true
			break
		}
		switch shown, exists := s.tiles[key]; {
		case !exists:
			out.Gone = append(out.Gone, key.String())
		case changed:
			out.Put = append(out.Put, shown.json)
		default:
			out.Touched = append(out.Touched, key.String())
		}
		delete(one.dirty, key)
	}
	return out
}
