// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
)

var (
	p1 = types.NamespacedName{Namespace: "fleet", Name: "p1"}
	p2 = types.NamespacedName{Namespace: "fleet", Name: "p2"}
)

// wait is how long a write of p1 has to wait.
func wait(b *budgets, how urgency) time.Duration {
	after, _ := b.wait(p1, how)
	return after
}

// spendAll writes as fast as they are allowed for some time, a second at a time, and returns at which seconds.
func spendAll(b *budgets, clock *clocktesting.FakeClock, urgency urgency, seconds int) []int {
	var at []int
	for second := range seconds {
		for wait(b, urgency) == 0 {
			b.spend(p1, urgency)
			at = append(at, second)
		}
		clock.Step(time.Second)
	}
	return at
}

func TestBudgets(t *testing.T) {
	ten := slices.Repeat([]int{0}, 10)
	t.Run("urgent writes: ten at once, and then pauses that double", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		got := spendAll(newBudgets(clock), clock, urgent, 130)
		if diff := cmp.Diff(append(slices.Clone(ten), 1, 3, 7, 15, 31, 63, 127), got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("the longest pause is ten minutes", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		for range 100 {
			b.spend(p1, urgent)
		}
		if got := wait(b, urgent); got != maxPause {
			t.Errorf("got %s", got)
		}
	})
	t.Run("after a calm time the budget is full again", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		spendAll(b, clock, urgent, 10)
		clock.Step(calm + time.Second)
		if diff := cmp.Diff(ten, spendAll(b, clock, urgent, 1)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("ordinary writes: ten at once, and then one in 30 seconds", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		got := spendAll(newBudgets(clock), clock, ordinary, 95)
		if diff := cmp.Diff(append(slices.Clone(ten), 30, 60, 90), got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("a write that waits for one budget does not wait for the other one", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		spendAll(b, clock, ordinary, 1)
		if wait(b, ordinary) == 0 || wait(b, urgent) != 0 {
			t.Errorf("ordinary waits %s, urgent %s", wait(b, ordinary), wait(b, urgent))
		}
	})
	t.Run("conflicts in a row: ten at once, and then pauses that double", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		var at []int
		for second := range 70 {
			for wait(b, deletion) == 0 {
				b.conflict(p1, strconv.Itoa(len(at)))
				at = append(at, second)
			}
			clock.Step(time.Second)
		}
		if diff := cmp.Diff(append(slices.Clone(ten), 1, 3, 7, 15, 31, 63), at); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		b.spend(p1, ordinary)
		if got := wait(b, deletion); got != 0 {
			t.Errorf("a write that succeeded ends the series: got %s", got)
		}
	})
	t.Run("conflicts for one version are one, and a deletion ends their series", func(t *testing.T) {
		b := newBudgets(clocktesting.NewFakeClock(time.Now()))
		for range 20 {
			b.conflict(p1, "7")
		}
		if got := wait(b, deletion); got != 0 {
			t.Errorf("the cache is stale: got %s", got)
		}
		for version := range 20 {
			b.conflict(p1, strconv.Itoa(version))
		}
		if got := wait(b, deletion); got != maxPause {
			t.Errorf("got %s", got)
		}
		if got, conflicts := b.wait(p1, urgent); got != maxPause || !conflicts {
			t.Errorf("writes wait too: got %s, because of conflicts: %t", got, conflicts)
		}
		b.deleted(p1)
		if got := wait(b, deletion); got != 0 {
			t.Errorf("got %s", got)
		}
	})
	t.Run("full budgets are dropped, and others are not", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		for i := range b.sweepAt - 1 {
			b.spend(types.NamespacedName{Name: string(rune(i))}, urgent)
		}
		clock.Step(calm + time.Second)
		b.spend(p1, urgent)
		b.spend(p2, urgent)
		if len(b.profiles) != 2 || b.profiles[p1] == nil {
			t.Errorf("%d budgets are kept", len(b.profiles))
		}
	})
}
