// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"cmp"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/internal/profile"
)

// ledger holds the problems that each Inventory has with each Cluster, as last met. It carries what the reconciler of
// Clusters learns to the one of Inventories, and tells new problems from those already told.
type ledger struct {
	// changed names an Inventory about which something new is known; nobody listens any more when done is closed.
	changed chan event.TypedGenericEvent[string]
	done    <-chan struct{}

	mu      sync.Mutex
	entries map[types.NamespacedName][]entry
}

// entry is what is known of a Cluster in one Inventory. A Cluster has few of them, mostly one: a list is a tenth of a map.
type entry struct {
	inventory string
	problems  []profile.Problem
}

// in finds the entry of an Inventory.
func in(entries []entry, inventory string) (problems []profile.Problem, known bool) {
	for _, e := range entries {
		if e.inventory == inventory {
			return e.problems, true
		}
	}
	return nil, false
}

func newLedger(done <-chan struct{}) *ledger {
	return &ledger{
		changed: make(chan event.TypedGenericEvent[string], 1024),
		done:    done,
		entries: map[types.NamespacedName][]entry{},
	}
}

// record replaces what is known of a Cluster: its problems by Inventory, with an entry for every Inventory that selects it.
// Nil forgets the Cluster. It returns the problems that were not there before.
func (l *ledger) record(cluster types.NamespacedName, problems map[string][]profile.Problem) []profile.Problem {
	after := make([]entry, 0, len(problems))
	var fresh []profile.Problem
	concerned := map[string]bool{}
	for inventory, list := range problems {
		after = append(after, entry{inventory: inventory, problems: list})
	}
	l.mu.Lock()
	before := l.entries[cluster]
	if problems == nil {
		delete(l.entries, cluster)
	} else {
		l.entries[cluster] = after
	}
	l.mu.Unlock()

	for _, e := range after {
		was, known := in(before, e.inventory)
		if !known || !slices.Equal(was, e.problems) {
			concerned[e.inventory] = true
		}
		for _, p := range e.problems {
			if !slices.Contains(was, p) {
				fresh = append(fresh, p)
			}
		}
	}
	for _, e := range before {
		if _, still := problems[e.inventory]; !still {
			concerned[e.inventory] = true
		}
	}
	for inventory := range concerned {
		select {
		case l.changed <- event.TypedGenericEvent[string]{Object: inventory}:
		case <-l.done:
		}
	}
	return fresh
}

// known returns what is known of a Cluster's problems with an Inventory; false where the Cluster has not been looked at yet.
func (l *ledger) known(cluster types.NamespacedName, inventory string) ([]profile.Problem, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries, looked := l.entries[cluster]
	problems, _ := in(entries, inventory)
	return problems, looked
}

// of returns an Inventory's problems in the order of their Clusters.
func (l *ledger) of(inventory string) []clusterProblem {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []clusterProblem
	for cluster, entries := range l.entries {
		problems, _ := in(entries, inventory)
		for _, p := range problems {
			out = append(out, clusterProblem{Cluster: cluster, Problem: p})
		}
	}
	slices.SortFunc(out, func(a, b clusterProblem) int {
		return cmp.Or(cmp.Compare(a.Cluster.String(), b.Cluster.String()), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Message, b.Message))
	})
	return out
}

// clusterProblem is a problem and the Cluster it is about.
type clusterProblem struct {
	Cluster types.NamespacedName
	profile.Problem
}
