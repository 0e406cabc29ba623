// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/dashboard/fleet"
	"github.com/capi-inventory/capi-inventory/internal/cli/feed"
)

// clock is a time that a test changes.
type clock struct{ time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time { return c.Time }

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "a", Name: name} }

func profileNamed(name string) *inventoryv1alpha1.ClusterProfile {
	return &inventoryv1alpha1.ClusterProfile{ObjectMeta: named(name)}
}

func checkAt(name string, at time.Time) *v1alpha1.SpokeCheck {
	probed := metav1.NewTime(at)
	check := &v1alpha1.SpokeCheck{ObjectMeta: named(name)}
	check.Status.LastProbeTime = &probed
	check.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonTLSFailed},
	}
	return check
}

// taken returns what a subscriber takes: the states of tiles by name, the deleted ones, and those of which only the details have changed.
func taken(t *testing.T, s *store, one *subscriber, limit int) string {
	t.Helper()
	changed := s.take(one, limit)
	var texts []string
	for _, raw := range changed.Put {
		var tile fleet.Tile
		must(t, json.Unmarshal(raw, &tile))
		texts = append(texts, tile.Name+":"+string(tile.State))
	}
	for _, key := range changed.Gone {
		texts = append(texts, "-"+key)
	}
	for _, key := range changed.Touched {
		texts = append(texts, "~"+key)
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

func TestStore(t *testing.T) {
	clock := newClock()
	s := newStore(clock.now, kindProfiles)
	s.put(profileNamed("london"))
	s.put(checkAt("rome", clock.Time))
	one := s.subscribe()
	grant := &v1alpha1.AccessGrant{ObjectMeta: named("grant")}
	grant.Spec.Profile = "london"
	grant.Status.ExpirationTimestamp = metav1.NewTime(clock.Add(time.Hour))
	steps := []struct {
		why  string
		do   func()
		want string
	}{
		{"a subscriber begins with everything; a check alone has no tile", func() {}, "london:unknown"},
		{"nothing has changed", func() {}, ""},
		{"the tile does not show what has changed", func() { s.put(profileNamed("london")) }, "~a/london"},
		{"the profile of a check", func() { s.put(profileNamed("rome")) }, "rome:unreachable"},
		{"only the last state is sent", func() {
			s.put(checkAt("london", clock.Time))
			s.remove(checkAt("london", clock.Time))
			s.put(checkAt("london", clock.Time))
			s.put(checkAt("london", clock.Time))
		}, "london:unreachable"},
		{"a check is renewed", func() { s.put(checkAt("london", clock.Add(time.Second))) }, "~a/london"},
		{"a check is renewed, and has another result", func() {
			s.put(checkAt("london", clock.Time))
			s.remove(checkAt("london", clock.Time))
			s.put(checkAt("london", clock.Time))
		}, "london:unreachable"},
		{"a check is deleted", func() { s.remove(checkAt("london", clock.Time)) }, "london:unknown"},
		{"a grant has a token, of which a tile shows nothing before it expires", func() { s.put(grant) }, "~a/london"},
		{"a check without a profile", func() { s.put(checkAt("paris", clock.Time)) }, ""},
		{"a check expires, before its time", func() { clock.Time = clock.Add(14 * time.Minute); s.refresh() }, ""},
		{"a check expires", func() { clock.Time = clock.Add(time.Minute); s.refresh() }, "rome:stale"},
		{"a token expires", func() { clock.Time = clock.Add(time.Hour); s.refresh() }, "london:expiring"},
		{"a grant is deleted", func() { s.remove(grant) }, "london:unknown"},
		{"a profile is deleted", func() { s.remove(profileNamed("rome")) }, "-a/rome"},
		{"rights are lost", func() { s.forget(&inventoryv1alpha1.ClusterProfile{}) }, "-a/london"},
	}
	for _, step := range steps {
		step.do()
		if got := taken(t, s, one, 100); got != step.want {
			t.Errorf("%s: %q, want %q", step.why, got, step.want)
		}
	}
	s.unsubscribe(one)
	s.put(profileNamed("oslo"))
	if got := taken(t, s, one, 100); got != "" {
		t.Errorf("a browser that is gone has got %q", got)
	}
}

// TestChunks: a large fleet is sent in parts, and each tile once.
func TestChunks(t *testing.T) {
	s := newStore(newClock().now)
	for i := range 25 {
		s.put(profileNamed(fmt.Sprintf("p%02d", i)))
	}
	one := s.subscribe()
	seen := map[string]bool{}
	for _, want := range []int{10, 10, 5} {
		changed := s.take(one, 10)
		if len(changed.Put) != want || changed.more != (want == 10) {
			t.Fatalf("%d tiles, more: %t; want %d", len(changed.Put), changed.more, want)
		}
		for _, raw := range changed.Put {
			seen[string(raw)] = true
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d different tiles, want 25", len(seen))
	}
}

func TestRemovals(t *testing.T) {
	clock := newClock()
	s := newStore(clock.now)
	for i := range maxRemovals + 1 {
		s.remove(profileNamed(fmt.Sprint(i)))
	}
	got := s.status().Removals
	if len(got) != maxRemovals || got[0].Key != "a/1" {
		t.Errorf("%d deleted profiles, the first %s; want the last %d", len(got), got[0].Key, maxRemovals)
	}
	clock.Time = clock.Add(time.Hour)
	if got := s.status().Removals; len(got) != 0 {
		t.Errorf("%d deleted profiles after an hour", len(got))
	}
}

// TestKinds: what a feed reports becomes the state of its kind.
func TestKinds(t *testing.T) {
	resource := schema.GroupResource{Resource: "spokechecks"}
	cases := map[string]struct {
		why string
		do  func(*handler)
		// checks are those that are left.
		checks int
		want   kind
	}{
		"Loading": {why: "nothing is known", do: func(*handler) {}, checks: 1, want: kind{State: stateLoading}},
		"Live":    {why: "the initial state is there", do: (*handler).Synced, checks: 1, want: kind{State: stateLive, synced: true}},
		"Away":    {why: "the last state is kept", do: away, checks: 1, want: kind{State: stateAway, Error: "refused", synced: true}},
		"Back": {
			why:    "the hub responds again",
			do:     func(h *handler) { away(h); h.Recovered() },
			checks: 1,
			want:   kind{State: stateLive, synced: true},
		},
		"Never": {
			why:    "the initial state is not there yet",
			do:     func(h *handler) { h.Failed(errors.New("x")); h.Recovered() },
			checks: 1,
			want:   kind{State: stateLoading},
		},
		"Forbidden": {
			why:  "what may not be read is not shown",
			do:   func(h *handler) { h.Ended(apierrors.NewForbidden(resource, "x", errors.New("no"))) },
			want: kind{State: stateForbidden, Error: `spokechecks "x" is forbidden: no`},
		},
		"Absent": {
			why:  "the CRD is not installed",
			do:   func(h *handler) { h.Ended(apierrors.NewNotFound(resource, "x")) },
			want: kind{State: stateAbsent, Error: `spokechecks "x" not found`},
		},
		"Late": {
			why: "an event that comes after the end",
			do: func(h *handler) {
				h.Ended(apierrors.NewNotFound(resource, "x"))
				h.Put(checkAt("rome", time.Time{}))
				h.Synced()
			},
			want: kind{State: stateAbsent, Error: `spokechecks "x" not found`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStore(newClock().now, kindChecks)
			h := &handler{store: s, feed: feed.Feed{Kind: kindChecks, Object: &v1alpha1.SpokeCheck{}}, ended: make(chan struct{})}
			h.Put(checkAt("london", s.now()))
			tc.do(h)
			tc.want.Kind = kindChecks
			got := s.status().Kinds[0]
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(kind{})); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
			if len(s.checks) != tc.checks {
				t.Errorf("%s: %d checks, want %d", tc.why, len(s.checks), tc.checks)
			}
		})
	}
}

func away(h *handler) {
	h.Synced()
	h.Failed(errors.New("refused"))
}
