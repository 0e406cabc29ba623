// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"cmp"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/dashboard/fleet"
)

// The states of a kind.
const (
	stateLoading = "loading"
	stateLive    = "live"
	// stateAway: the hub does not respond.
	stateAway = "away"
	// stateForbidden: the user may not watch the kind.
	stateForbidden = "forbidden"
	// stateAbsent: the hub does not serve the kind.
	stateAbsent = "absent"
)

// kind is what is known of the watch of a kind.
type kind struct {
	Kind  string `json:"kind"`
	State string `json:"state"`
	Error string `json:"error,omitempty"`
	// synced means that the initial state is complete.
	synced bool
}

// status is what the page shows beside the tiles.
type status struct {
	Kinds       []kind          `json:"kinds"`
	Inventories []fleet.Summary `json:"inventories"`
	Removals    removals        `json:"removals"`
}

// removal is a profile that was deleted while the dashboard watched.
type removal struct {
	Key string    `json:"key"`
	At  time.Time `json:"at"`
}

type removals []removal

const (
	maxRemovals  = 100
	keepRemovals = time.Hour
)

func (r *removals) add(key string, at time.Time) {
	*r = append(r.since(at.Add(-keepRemovals)), removal{Key: key, At: at.UTC()})
	*r = (*r)[max(0, len(*r)-maxRemovals):]
}

// since returns the removals after a time.
func (r *removals) since(start time.Time) removals {
	return slices.DeleteFunc(append(removals{}, *r...), func(one removal) bool { return !one.At.After(start) })
}

// status returns the current status. It must hold mu.
func (s *store) status() status {
	now := s.now()
	out := status{
		Kinds:       slices.Clone(s.kinds),
		Inventories: make([]fleet.Summary, 0, len(s.inventories)),
		Removals:    s.removals.since(now.Add(-keepRemovals)),
	}
	for _, name := range slices.Sorted(maps.Keys(s.inventories)) {
		out.Inventories = append(out.Inventories, fleet.NewSummary(s.inventories[name]))
	}
	return out
}

// setKind changes what is known of the watch of a kind.
func (s *store) setKind(name string, change func(*kind)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.kinds {
		if s.kinds[i].Kind == name {
			change(&s.kinds[i])
		}
	}
	s.changed()
}

// kindState returns the state of the watch of a kind.
func (s *store) kindState(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kinds {
		if k.Kind == name {
			return k.State
		}
	}
	return ""
}

// failure returns the state of a kind after an error that the hub would return again.
func failure(err error) string {
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return stateAbsent
	}
	return stateForbidden
}

func sortGrants(grants []*v1alpha1.AccessGrant) {
	slices.SortFunc(grants, func(a, b *v1alpha1.AccessGrant) int { return cmp.Compare(a.Name, b.Name) })
}
