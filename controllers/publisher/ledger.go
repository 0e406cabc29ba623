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

// ledger holds what was found out about each Cluster when it was last looked at: which Inventories select it, and the problems
// that they have with it. It carries what the reconciler of Clusters learns to the one of Inventories, and tells new problems
// from those already told.
type ledger struct {
	// changed names an Inventory about which something new is known; nobody listens any more when done is closed.
	changed chan event.TypedGenericEvent[string]
	done    <-chan struct{}

	mu       sync.Mutex
	accounts map[types.NamespacedName]account
}

// account is what is known of a Cluster.
type account struct {
	// revision is that of the Inventories with which the Cluster was looked at; any where it is gone.
	revision int
	gone     bool
	entries  []entry
}

// entry is what is known of a Cluster in one Inventory. A Cluster has few of them, mostly one: a list is a tenth of a map.
type entry struct {
	inventory string
	selects   bool
	problems  []profile.Problem
}

func (e entry) equal(other entry) bool {
	return e.selects == other.selects && slices.Equal(e.problems, other.problems)
}

// in is the entry of an Inventory; one that says nothing where there is none.
func (a account) in(inventory string) entry {
	for _, e := range a.entries {
		if e.inventory == inventory {
			return e
		}
	}
	return entry{}
}

func (a account) mentions(inventory string) bool {
	return slices.ContainsFunc(a.entries, func(e entry) bool { return e.inventory == inventory })
}

func newLedger(done <-chan struct{}) *ledger {
	return &ledger{
		changed:  make(chan event.TypedGenericEvent[string], 1024),
		done:     done,
		accounts: map[types.NamespacedName]account{},
	}
}

// record replaces what is known of a Cluster: the Inventories that select it, and the problems by Inventory. It returns the
// problems that were not there before.
func (l *ledger) record(cluster types.NamespacedName, revision int, selecting []string, problems map[string][]profile.Problem) []profile.Problem {
	after := account{revision: revision}
	for _, inventory := range selecting {
		after.entries = append(after.entries, entry{inventory: inventory, selects: true, problems: problems[inventory]})
	}
	after.entries = append(after.entries, unselected(selecting, problems)...)
	l.mu.Lock()
	before := l.accounts[cluster]
	l.accounts[cluster] = after
	l.mu.Unlock()
	return l.compare(before, after)
}

// left records that a Cluster is gone, and the problems that its profiles still have; none when these are gone as well.
func (l *ledger) left(cluster types.NamespacedName, problems map[string][]profile.Problem) {
	after := account{gone: true, entries: unselected(nil, problems)}
	l.mu.Lock()
	before := l.accounts[cluster]
	if len(after.entries) > 0 {
		l.accounts[cluster] = after
	} else {
		delete(l.accounts, cluster)
	}
	l.mu.Unlock()
	l.compare(before, after)
}

// compare tells the Inventories about which something new is known, and returns the problems that were not there before.
func (l *ledger) compare(before, after account) (fresh []profile.Problem) {
	for _, e := range after.entries {
		was := before.in(e.inventory)
		if !e.equal(was) {
			l.tell(e.inventory)
		}
		for _, p := range e.problems {
			if !slices.Contains(was.problems, p) {
				fresh = append(fresh, p)
			}
		}
	}
	for _, was := range before.entries {
		if !after.mentions(was.inventory) {
			l.tell(was.inventory)
		}
	}
	return fresh
}

func (l *ledger) tell(inventory string) {
	select {
	case l.changed <- event.TypedGenericEvent[string]{Object: inventory}:
	case <-l.done:
	}
}

// unselected are the entries of Inventories that have problems with a Cluster which they do not select: with what they have
// published of it before.
func unselected(selecting []string, problems map[string][]profile.Problem) []entry {
	var entries []entry
	for inventory, of := range problems {
		if !slices.Contains(selecting, inventory) && len(of) > 0 {
			entries = append(entries, entry{inventory: inventory, problems: of})
		}
	}
	return entries
}

// known are the problems of a Cluster with an Inventory.
func (l *ledger) known(cluster types.NamespacedName, inventory string) []profile.Problem {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accounts[cluster].in(inventory).problems
}

// looked reports whether a Cluster has been looked at.
func (l *ledger) looked(cluster types.NamespacedName) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, looked := l.accounts[cluster]
	return looked
}

// of returns how many Clusters an Inventory selects and its problems, in the order of their Clusters; complete says that all
// Clusters that are known have been looked at with this revision of the Inventories.
func (l *ledger) of(inventory string, revision int) (clusters int, problems []clusterProblem, complete bool) {
	complete = true
	l.mu.Lock()
	for cluster, account := range l.accounts {
		complete = complete && (account.gone || account.revision == revision)
		e := account.in(inventory)
		if e.selects {
			clusters++
		}
		for _, p := range e.problems {
			problems = append(problems, clusterProblem{Cluster: cluster, Problem: p})
		}
	}
	l.mu.Unlock()
	slices.SortFunc(problems, func(a, b clusterProblem) int {
		return cmp.Or(cmp.Compare(a.Cluster.String(), b.Cluster.String()), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Message, b.Message))
	})
	return clusters, problems, complete
}

// clusterProblem is a problem and the Cluster it is about.
type clusterProblem struct {
	Cluster types.NamespacedName
	profile.Problem
}
