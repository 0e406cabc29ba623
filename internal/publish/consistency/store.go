// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package consistency lets a controller read its own writes although it reads from a cache. A reconcile that does not see the
// last write repeats it, and takes its own work for that of another writer. The package does what Kubernetes' own
// pkg/controller/util/consistency does, for single objects; unlike controller-runtime's EnableReadYourWritesConsistency it does
// not block a worker, and it recognizes the events of own writes.
package consistency

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/clock"
)

// StaleReadTimeout bounds how long a reconcile waits for the cache to show the last write. After that the object has to be read
// from the API server: if it was deleted meanwhile, the cache will never show the write.
const StaleReadTimeout = 5 * time.Second

// Store holds the resourceVersions that this process has made of each object.
type Store struct {
	clock clock.PassiveClock

	mu      sync.Mutex
	objects map[types.NamespacedName]written
	// deleted are the last versions of objects that were deleted recently: the answer to a write may be noted after the event of
	// the deletion that followed it, and the cache will never show that write.
	deleted map[types.NamespacedName]written
	// sweepAt is how many deletions are held when the old ones are dropped the next time.
	sweepAt int
}

type written struct {
	// versions are the resourceVersions of the last two writes, the object's and its status', the last one first.
	versions [2]string
	at       time.Time
}

// NewStore returns an empty store.
func NewStore(clk clock.PassiveClock) *Store {
	return &Store{
		clock:   clk,
		objects: map[types.NamespacedName]written{},
		deleted: map[types.NamespacedName]written{},
		sweepAt: 1024,
	}
}

// WroteAt notes the resourceVersion that a write has made.
func (s *Store) WroteAt(key types.NamespacedName, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, deleted := s.deleted[key]; deleted && !olderThan(last.versions[0], version) {
		return
	}
	s.objects[key] = written{versions: [2]string{version, s.objects[key].versions[0]}, at: s.clock.Now()}
}

// EnsureReady reports whether the resourceVersion that the cache shows, empty for no object, is not older than the last write.
// Where it is older, timeout is how long to wait for the cache; zero if the object has to be read from the API server.
func (s *Store) EnsureReady(key types.NamespacedName, cached string) (timeout time.Duration, ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, wrote := s.objects[key]
	if !wrote || cached != "" && !olderThan(cached, last.versions[0]) {
		return 0, true
	}
	return max(0, StaleReadTimeout-s.clock.Since(last.at)), false
}

// IsOwnWrite reports whether a resourceVersion is that of one of the last two writes of this process.
func (s *Store) IsOwnWrite(key types.NamespacedName, version string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, wrote := s.objects[key]
	return wrote && slices.Contains(last.versions[:], version)
}

// Deleted drops the writes of an object that was deleted, and keeps the resourceVersion of its deletion for a while.
func (s *Store) Deleted(key types.NamespacedName, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	if len(s.deleted) >= s.sweepAt {
		maps.DeleteFunc(s.deleted, func(_ types.NamespacedName, last written) bool { return s.clock.Since(last.at) > StaleReadTimeout })
		s.sweepAt = max(s.sweepAt, 2*len(s.deleted))
	}
	s.deleted[key] = written{versions: [2]string{version}, at: s.clock.Now()}
}

// Clear drops the writes of an object that does not exist and whose deletion was not seen.
func (s *Store) Clear(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
}

func olderThan(version, other string) bool {
	order, err := resourceversion.CompareResourceVersion(version, other)
	return err == nil && order < 0
}
