// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"cmp"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// ledger holds what was found out about each Cluster when it was last looked at: which Inventories select it, and the problems
// that they have with it. It carries what the reconciler of Clusters learns to the one of Inventories, and tells new problems
// from known ones.
type ledger struct {
	// changed names an Inventory about which something new is known; nobody listens any more when done is closed.
	changed chan event.TypedGenericEvent[string]
	done    <-chan struct{}

	mu       sync.Mutex
	accounts map[types.NamespacedName]account
	// standing are the Clusters that were there when the process started and have not been looked at since: what is wrong with
	// them was reported before.
	standing map[types.NamespacedName]bool
	// strays are the profiles with a changed provenance that no Cluster accounts for (strays.go).
	strays map[types.NamespacedName]entry
}

// account is what is known of a Cluster.
type account struct {
	// view is what the Inventories wanted when the Cluster was looked at; nil where that does not matter, because the Cluster
	// is gone or not this publisher's to look at.
	view    *view
	entries []entry
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
		standing: map[types.NamespacedName]bool{},
		strays:   map[types.NamespacedName]entry{},
	}
}

// found notes a Cluster that was there when the process started.
func (l *ledger) found(cluster types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, looked := l.accounts[cluster]; !looked {
		l.standing[cluster] = true
	}
}

// record replaces what is known of a Cluster: the Inventories that select it, and the problems by Inventory. It returns the
// problems that nobody has been notified of: those that were not there before.
func (l *ledger) record(cluster types.NamespacedName, view *view, selecting []string, problems map[string][]profile.Problem) []profile.Problem {
	after := account{view: view}
	for _, inventory := range selecting {
		after.entries = append(after.entries, entry{inventory: inventory, selects: true, problems: problems[inventory]})
	}
	after.entries = append(after.entries, unselected(selecting, problems)...)
	l.mu.Lock()
	before, standing := l.accounts[cluster], l.standing[cluster]
	l.accounts[cluster] = after
	delete(l.standing, cluster)
	if len(l.standing) == 0 {
		// A map keeps the size that it had at most.
		l.standing = map[types.NamespacedName]bool{}
	}
	l.mu.Unlock()
	fresh := l.compare(before, after)
	if standing {
		return nil
	}
	return fresh
}

// left records that a Cluster is gone, and the problems that its profiles still have; none when these are gone as well.
func (l *ledger) left(cluster types.NamespacedName, problems map[string][]profile.Problem) {
	after := account{entries: unselected(nil, problems)}
	l.mu.Lock()
	before := l.accounts[cluster]
	delete(l.standing, cluster)
	if len(after.entries) > 0 {
		l.accounts[cluster] = after
	} else {
		delete(l.accounts, cluster)
	}
	l.mu.Unlock()
	l.compare(before, after)
}

// outside records that a Cluster is not this publisher's to look at, and the problems of what is published of it.
func (l *ledger) outside(cluster types.NamespacedName, problems map[string][]profile.Problem) {
	after := account{entries: unselected(nil, problems)}
	l.mu.Lock()
	before := l.accounts[cluster]
	delete(l.standing, cluster)
	l.accounts[cluster] = after
	l.mu.Unlock()
	l.compare(before, after)
}

// compare wakes the Inventories about which something new is known, and returns the problems that were not there before.
func (l *ledger) compare(before, after account) (fresh []profile.Problem) {
	for _, e := range after.entries {
		was := before.in(e.inventory)
		if !e.equal(was) {
			l.wake(e.inventory)
		}
		for _, p := range e.problems {
			if !slices.Contains(was.problems, p) {
				fresh = append(fresh, p)
			}
		}
	}
	for _, was := range before.entries {
		if !after.mentions(was.inventory) {
			l.wake(was.inventory)
		}
	}
	return fresh
}

func (l *ledger) wake(inventory string) {
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
// Clusters that are known have been looked at with this version of the Inventory. Other Inventories do not matter: what they
// change for this one makes an account of its own.
func (l *ledger) of(inventory string, wanted version) (clusters int, problems []clusterProblem, complete bool) {
	complete = true
	l.mu.Lock()
	for cluster, account := range l.accounts {
		complete = complete && (account.view == nil || account.view.versions[inventory] == wanted)
		e := account.in(inventory)
		if e.selects {
			clusters++
		}
		for _, p := range e.problems {
			problems = append(problems, clusterProblem{Cluster: cluster, Problem: p})
		}
	}
	for _, e := range l.strays {
		if e.inventory == inventory {
			for _, p := range e.problems {
				problems = append(problems, clusterProblem{Problem: p})
			}
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

// cluster is the namespace and name of the Cluster, joined by a slash; a dash where the problem is about none.
func (p clusterProblem) cluster() string {
	if p.Cluster.Name == "" {
		return "-"
	}
	return p.Cluster.String()
}
