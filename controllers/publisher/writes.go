// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/utils/clock"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// catchUp is how long the cache is given to show what was written. After that the profile is read from the API server.
const catchUp = 5 * time.Second

// writes remembers the resourceVersions that this process has made of each profile. A profile is not judged before the cache
// shows the last one, or the last judgement would be repeated and its work be taken for somebody else's; and an event that
// shows nothing else needs no judgement.
type writes struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	profiles map[types.NamespacedName]written
	// gone are the last versions of what was deleted of late: the answer to a write may be noted after the event of the deletion
	// that followed it, and the cache will never show that write.
	gone map[types.NamespacedName]written
	// sweepAt is how many deletions are known when the old ones are dropped the next time.
	sweepAt int
}

type written struct {
	// versions are the resourceVersions of the last two writes, the profile's and its status', the last one first.
	versions [2]string
	at       time.Time
}

func newWrites(clock clock.PassiveClock) *writes {
	return &writes{clock: clock, profiles: map[types.NamespacedName]written{}, gone: map[types.NamespacedName]written{}, sweepAt: 1024}
}

// wrote notes the resourceVersion that a write has made.
func (w *writes) wrote(key types.NamespacedName, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if deleted, gone := w.gone[key]; gone && !olderThan(deleted.versions[0], version) {
		return
	}
	w.profiles[key] = written{versions: [2]string{version, w.profiles[key].versions[0]}, at: w.clock.Now()}
}

// echo reports whether an event shows nothing but a write of this process.
func (w *writes) echo(key types.NamespacedName, version string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, wrote := w.profiles[key]
	return wrote && slices.Contains(known.versions[:], version)
}

// behind reports whether what the cache shows of a profile (nil for none) is older than the last write, and how long it may
// still be waited for; zero says that the time is over.
func (w *writes) behind(key types.NamespacedName, cached *profile.Live) (left time.Duration, behind bool) {
	if cached == nil {
		return w.behindVersion(key, "")
	}
	return w.behindVersion(key, cached.ResourceVersion)
}

// behindVersion is behind for any object, by the resourceVersion that the cache shows; empty for none.
func (w *writes) behindVersion(key types.NamespacedName, cached string) (left time.Duration, behind bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, wrote := w.profiles[key]
	if !wrote || cached != "" && !olderThan(cached, known.versions[0]) {
		return 0, false
	}
	return max(0, catchUp-w.clock.Since(known.at)), true
}

// forget drops what is known of a profile that is gone, by the resourceVersion of its deletion.
func (w *writes) forget(key types.NamespacedName, deleted string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.profiles, key)
	if len(w.gone) >= w.sweepAt {
		maps.DeleteFunc(w.gone, func(_ types.NamespacedName, of written) bool { return w.clock.Since(of.at) > catchUp })
		w.sweepAt = max(w.sweepAt, 2*len(w.gone))
	}
	w.gone[key] = written{versions: [2]string{deleted}, at: w.clock.Now()}
}

// drop drops what is known of an object whose deletion was not seen.
func (w *writes) drop(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.profiles, key)
}

func olderThan(version, other string) bool {
	order, err := resourceversion.CompareResourceVersion(version, other)
	return err == nil && order < 0
}
