// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/dashboard/fleet"
)

// store holds the objects that the feeds have reported, and the tiles of the profiles. Its objects are never changed.
type store struct {
	now func() time.Time

	mu       sync.Mutex
	profiles map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile
	checks   map[types.NamespacedName]*v1alpha1.SpokeCheck
	grants   map[types.NamespacedName]*v1alpha1.AccessGrant
	// granted are the keys of the grants of each profile.
	granted     map[types.NamespacedName]map[types.NamespacedName]bool
	inventories map[string]*v1alpha1.Inventory
	tiles       map[types.NamespacedName]tile
	removals    removals
	kinds       []kind
	subscribers map[*subscriber]bool
}

// tile is a tile as it is sent.
type tile struct {
	json json.RawMessage
	// until is when it changes although no object does; zero for never.
	until time.Time
}

func newStore(now func() time.Time, kinds ...string) *store {
	s := &store{
		now:         now,
		profiles:    map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{},
		checks:      map[types.NamespacedName]*v1alpha1.SpokeCheck{},
		grants:      map[types.NamespacedName]*v1alpha1.AccessGrant{},
		granted:     map[types.NamespacedName]map[types.NamespacedName]bool{},
		inventories: map[string]*v1alpha1.Inventory{},
		tiles:       map[types.NamespacedName]tile{},
		subscribers: map[*subscriber]bool{},
	}
	for _, name := range kinds {
		s.kinds = append(s.kinds, kind{Kind: name, State: stateLoading})
	}
	return s
}

func (s *store) put(object client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	switch object := object.(type) {
	case *inventoryv1alpha1.ClusterProfile:
		s.profiles[key] = object
		s.update(key)
	case *v1alpha1.SpokeCheck:
		s.checks[key] = object
		s.update(key)
	case *v1alpha1.AccessGrant:
		of := profileOf(object)
		s.grants[key] = object
		if s.granted[of] == nil {
			s.granted[of] = map[types.NamespacedName]bool{}
		}
		s.granted[of][key] = true
		s.update(of)
	case *v1alpha1.Inventory:
		s.inventories[object.Name] = object
		s.changed()
	}
}

// profileOf returns the profile of a grant, which is immutable.
func profileOf(grant *v1alpha1.AccessGrant) types.NamespacedName {
	return types.NamespacedName{Namespace: grant.Namespace, Name: grant.Spec.Profile}
}

func (s *store) remove(object client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	switch object := object.(type) {
	case *inventoryv1alpha1.ClusterProfile:
		delete(s.profiles, key)
		s.removals.add(key.String(), s.now())
		s.changed()
		s.update(key)
	case *v1alpha1.SpokeCheck:
		delete(s.checks, key)
		s.update(key)
	case *v1alpha1.AccessGrant:
		of := profileOf(object)
		delete(s.grants, key)
		if delete(s.granted[of], key); len(s.granted[of]) == 0 {
			delete(s.granted, of)
		}
		s.update(of)
	case *v1alpha1.Inventory:
		delete(s.inventories, object.Name)
		s.changed()
	}
}

// forget removes all objects of a kind that can no longer be watched.
func (s *store) forget(of client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch of.(type) {
	case *inventoryv1alpha1.ClusterProfile:
		clear(s.profiles)
	case *v1alpha1.SpokeCheck:
		clear(s.checks)
	case *v1alpha1.AccessGrant:
		clear(s.grants)
		clear(s.granted)
	case *v1alpha1.Inventory:
		clear(s.inventories)
	}
	for key := range s.tiles {
		s.update(key)
	}
	s.changed()
}

// objects returns what is known of a profile; its Profile is nil if there is none. It must hold mu.
func (s *store) objects(key types.NamespacedName) fleet.Objects {
	objects := fleet.Objects{Profile: s.profiles[key], Check: s.checks[key]}
	for grant := range s.granted[key] {
		objects.Grants = append(objects.Grants, s.grants[grant])
	}
	sortGrants(objects.Grants)
	return objects
}

// update makes the tile of a profile again, and marks it for the subscribers if it differs, or else the details. What cannot be encoded
// is not shown, because one profile must not hide the others. It must hold mu.
func (s *store) update(key types.NamespacedName) {
	objects := s.objects(key)
	before, shown := s.tiles[key]
	if made, ok := s.tile(objects); ok {
		s.tiles[key] = made
		if bytes.Equal(made.json, before.json) {
			s.touch(key)
		} else {
			s.mark(key)
		}
		return
	}
	delete(s.tiles, key)
	if shown {
		s.mark(key)
	}
}

// tile returns the tile of a profile; false if there is no profile, or its tile cannot be encoded.
func (s *store) tile(objects fleet.Objects) (tile, bool) {
	if objects.Profile == nil {
		return tile{}, false
	}
	made, until := fleet.NewTile(objects, s.now())
	raw, err := json.Marshal(made)
	return tile{json: raw, until: until}, err == nil
}

// refresh makes the tiles again whose time has come.
func (s *store) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for key, shown := range s.tiles {
		if !shown.until.IsZero() && !shown.until.After(now) {
			s.update(key)
		}
	}
}
