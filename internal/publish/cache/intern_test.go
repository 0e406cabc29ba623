// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestSharedTexts: equal strings are one, also with those of objects that came before a collection of garbage.
func TestSharedTexts(t *testing.T) {
	for name, tc := range map[string]struct {
		why    string
		text   string
		shared bool
	}{
		"Short":   {why: "many objects have it", text: "The control plane is available.", shared: true},
		"Longest": {why: "it may be as long", text: strings.Repeat("x", maxShared), shared: true},
		"Long":    {why: "it is of one object, as a rule", text: strings.Repeat("x", maxShared+1)},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := strings.Clone(tc.text), strings.Clone(tc.text)
			intern(&first)
			runtime.GC()
			runtime.GC()
			intern(&second)
			if first != tc.text || second != tc.text {
				t.Fatalf("got %q and %q", first, second)
			}
			if got := unsafe.StringData(first) == unsafe.StringData(second); got != tc.shared {
				t.Errorf("%s: shared is %t", tc.why, got)
			}
		})
	}
	empty := ""
	if intern(&empty); empty != "" {
		t.Errorf("got %q of an empty string", empty)
	}
}

// A full interner starts again: it never has more values than it may, and what many objects have is shared again at once.
func TestInternerIsBounded(t *testing.T) {
	known := interner[string, string]{capacity: 3}
	for i := range 10 {
		value := fmt.Sprint(i)
		if got := known.intern(value, value); got != value {
			t.Errorf("got %q of %q", got, value)
		}
		if len(known.known) > known.capacity {
			t.Fatalf("it has %d values, and may have %d", len(known.known), known.capacity)
		}
	}
	first, second := strings.Clone("again"), strings.Clone("again")
	first, second = known.intern(first, first), known.intern(second, second)
	if unsafe.StringData(first) != unsafe.StringData(second) {
		t.Error("equal values are not shared any more")
	}
}

// BenchmarkInternCluster interns Clusters that have the same values, as an event of each of many Clusters has.
func BenchmarkInternCluster(b *testing.B) {
	cluster := fixture.Cluster("team-a", "c1", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": "prod"}))
	cluster.Status.Conditions = []metav1.Condition{{Type: "Available", Status: metav1.ConditionTrue, Reason: "Available"}}
	b.ReportAllocs()
	for b.Loop() {
		internCluster(cluster)
	}
}
