// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package consistency_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/internal/publish/consistency"
)

var key = types.NamespacedName{Namespace: "fleet", Name: "p1"}

func TestEnsureReady(t *testing.T) {
	const timeout = consistency.StaleReadTimeout
	for name, tc := range map[string]struct {
		why     string
		cached  string
		wrote   []string
		after   time.Duration
		timeout time.Duration
		ready   bool
	}{
		"NothingWritten": {why: "there is nothing to wait for", cached: "5", ready: true},
		"NoObject":       {why: "a created object is not in the cache yet", wrote: []string{"7"}, timeout: timeout},
		"Older": {
			why:     "the cache shows the version before",
			wrote:   []string{"7"},
			cached:  "6",
			after:   time.Second,
			timeout: timeout - time.Second,
		},
		"FirstOfTwo": {why: "of two writes the last one counts", wrote: []string{"7", "8"}, cached: "7", timeout: timeout},
		"Same":       {why: "the cache shows it", wrote: []string{"7"}, cached: "7", ready: true},
		"Newer":      {why: "another writer has written since", wrote: []string{"7"}, cached: "10", ready: true},
		"TimedOut":   {why: "the object must be read from the API server", wrote: []string{"7"}, cached: "6", after: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			clock := clocktesting.NewFakeClock(time.Now())
			store := consistency.NewStore(clock)
			for _, version := range tc.wrote {
				store.WroteAt(key, version)
			}
			clock.Step(tc.after)
			if timeout, ready := store.EnsureReady(key, tc.cached); timeout != tc.timeout || ready != tc.ready {
				t.Errorf("%s: got %s %t", tc.why, timeout, ready)
			}
		})
	}
}

func TestIsOwnWrite(t *testing.T) {
	for name, tc := range map[string]struct {
		why     string
		wrote   []string
		deleted bool
		version string
		want    bool
	}{
		"NothingWritten": {why: "there is no write", version: ""},
		"Last":           {why: "the write of the status", wrote: []string{"7", "8"}, version: "8", want: true},
		"LastButOne":     {why: "the write of the object itself", wrote: []string{"7", "8"}, version: "7", want: true},
		"Earlier":        {why: "an object is written twice in a pass", wrote: []string{"6", "7", "8"}, version: "6"},
		"OfAnother":      {why: "another writer made it", wrote: []string{"7", "8"}, version: "9"},
		"Deleted":        {why: "the object is gone", wrote: []string{"7"}, deleted: true, version: "7"},
	} {
		t.Run(name, func(t *testing.T) {
			store := consistency.NewStore(clocktesting.NewFakeClock(time.Now()))
			for _, version := range tc.wrote {
				store.WroteAt(key, version)
			}
			if tc.deleted {
				store.Deleted(key, "9")
			}
			if got := store.IsOwnWrite(key, tc.version); got != tc.want {
				t.Errorf("%s: got %t", tc.why, got)
			}
		})
	}
}

func TestDeletedObjects(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	store := consistency.NewStore(clock)
	ready := func() bool {
		_, ready := store.EnsureReady(key, "")
		return ready
	}
	store.WroteAt(key, "7")
	store.Deleted(key, "999")
	store.WroteAt(key, "8")
	if !ready() {
		t.Error("an answer that comes after the event of the deletion is not waited for")
	}
	store.WroteAt(key, "1000")
	if ready() {
		t.Error("an object that was created since is waited for")
	}
	store.Clear(key)
	if !ready() {
		t.Error("an object that was cleared is not waited for")
	}
}

// A store does not grow with every object that was ever deleted.
func TestDeletionsAreDropped(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	store := consistency.NewStore(clock)
	for i := range 2000 {
		store.Deleted(types.NamespacedName{Name: string(rune('a' + i))}, "1")
		if i%100 == 0 {
			clock.Step(2 * consistency.StaleReadTimeout)
		}
	}
	if got := store.Deletions(); got > 1024 {
		t.Errorf("%d deletions are held", got)
	}
}
