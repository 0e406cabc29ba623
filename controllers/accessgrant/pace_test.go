// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestLanes: spokes that do not answer, or take long to, never take more than half of the workers.
func TestLanes(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Now())
	key := func(name string) client.ObjectKey { return client.ObjectKey{Namespace: "fleet", Name: name} }
	l := newLanes(4, now, 10*time.Second)
	enter := func(name string, failedLast bool) func() {
		t.Helper()
		leave, entered := l.enter(key(name), failedLast)
		if !entered {
			t.Fatalf("%s waits", name)
		}
		return leave
	}
	waits := func(name string, failedLast bool) {
		t.Helper()
		if _, entered := l.enter(key(name), failedLast); entered {
			t.Errorf("%s is the third to have a worker", name)
		}
	}
	takes := func(name string, took time.Duration) {
		t.Helper()
		leave := enter(name, false)
		now.SetTime(now.Now().Add(took))
		leave()
	}
	takes("slow", 11*time.Second)
	takes("quick", 10*time.Second)
	slow, away := enter("slow", false), enter("away", true)
	waits("away-too", true)
	takes("late", time.Minute)
	waits("late", false)
	for range 4 {
		enter("quick", false)
	}
	slow()
	enter("late", false)
	away()
	slow = enter("slow", true)
	waits("away", true)
	l.forget(key("late"))
	for range 4 {
		enter("late", false)
	}
	now.SetTime(now.Now().Add(staysSlow - time.Second))
	waits("away", false)
	slow()
	now.SetTime(now.Now().Add(time.Second))
	for range 4 {
		enter("away", false)
	}
	if got := slices.Collect(maps.Keys(l.slow)); len(got) != 1 || got[0] != key("slow") {
		t.Errorf("%v count as slow, want only the one that took half an hour", got)
	}
	if _, entered := newLanes(1, now, time.Second).enter(key("away"), true); !entered {
		t.Error("a single worker tries no spoke again")
	}
}

// TestLanesOfAlternatingSpokes: spokes that refuse at once and answer slowly in turn take all workers once.
func TestLanesOfAlternatingSpokes(t *testing.T) {
	const workers = 4
	now := clocktesting.NewFakePassiveClock(time.Now())
	l := newLanes(workers, now, 10*time.Second)
	// taken returns how many of the spokes are tried at the same time, each for so long.
	taken := func(took time.Duration) int {
		var leaves []func()
		for i := range workers {
			if leave, entered := l.enter(client.ObjectKey{Namespace: "fleet", Name: strconv.Itoa(i)}, false); entered {
				leaves = append(leaves, leave)
			}
		}
		now.SetTime(now.Now().Add(took))
		for _, leave := range leaves {
			leave()
		}
		return len(leaves)
	}
	if got := taken(time.Minute); got != workers {
		t.Errorf("%d are tried, and all count as quick", got)
	}
	for range 3 {
		taken(time.Millisecond)
		if got := taken(time.Minute); got != workers/2 {
			t.Errorf("%d of %d workers are taken", got, workers)
		}
	}
}

// A Secret is put back ten times at once, then after pauses that double; and at once again when there was peace for a while.
func TestRewrites(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Now())
	r, key := newRewrites(now), client.ObjectKey{Namespace: "fleet", Name: "c1.p"}
	for count := range rewriteBurst - 1 {
		if pause := r.add(key); pause != 0 {
			t.Errorf("after %d rewrites it waits for %s", count+1, pause)
		}
	}
	for _, want := range []time.Duration{minRetry, 2 * minRetry, 4 * minRetry} {
		now.SetTime(now.Now().Add(time.Minute))
		if pause := r.add(key); pause < want-time.Millisecond || pause > want {
			t.Errorf("it waits for %s, want %s", pause, want)
		}
	}
	for range 100 {
		if pause := r.add(key); pause > maxRetry {
			t.Errorf("it waits for %s", pause)
		}
	}
	if pause := r.add(client.ObjectKey{Namespace: "fleet", Name: "c2.p"}); pause != 0 {
		t.Errorf("another grant waits for %s", pause)
	}
	now.SetTime(now.Now().Add(calm + time.Second))
	if pause := r.add(key); pause != 0 {
		t.Errorf("after half an hour it waits for %s", pause)
	}
}

func TestRetries(t *testing.T) {
	now := clocktesting.NewFakePassiveClock(time.Now())
	r := newRetries(now)
	of := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: "fleet", Name: "c1.p", Generation: 1}}
	if left := r.left(of); left > 0 {
		t.Errorf("one that never failed waits for %s", left)
	}
	var last time.Duration
	for range 12 {
		r.begin(of)
		left := r.left(of)
		if left < minRetry || left > maxRetry+maxRetry/4 || left < last-last/4 {
			t.Errorf("the pause after %s is %s", last, left)
		}
		last = left
	}
	now.SetTime(now.Now().Add(last))
	if left := r.left(of); left > 0 {
		t.Errorf("after the pause %s are left", left)
	}
	r.begin(of)
	edited := of.DeepCopy()
	edited.Generation = 2
	if left := r.left(edited); left > 0 {
		t.Errorf("an edited grant waits for %s", left)
	}
	r.forget(client.ObjectKeyFromObject(of))
	if left := r.left(of); left > 0 {
		t.Errorf("a forgotten grant waits for %s", left)
	}
}
