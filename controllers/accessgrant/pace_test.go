// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Spokes that do not answer never take more than half of the workers.
func TestLanes(t *testing.T) {
	l := newLanes(4)
	var leave []func()
	for range 2 {
		left, entered := l.enter(true)
		if !entered {
			t.Fatal("a free lane was refused")
		}
		leave = append(leave, left)
	}
	if _, entered := l.enter(true); entered {
		t.Error("a third spoke that does not answer has a worker")
	}
	for range 4 {
		if _, entered := l.enter(false); !entered {
			t.Error("a spoke that answers waits for those that do not")
		}
	}
	leave[0]()
	if _, entered := l.enter(true); !entered {
		t.Error("a lane that was left is not free")
	}
	if _, entered := newLanes(1).enter(true); !entered {
		t.Error("a single worker tries no spoke again")
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
