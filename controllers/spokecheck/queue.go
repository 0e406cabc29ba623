// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// tenant is who a spoke belongs to: the namespace of its profile, and within that, where profiles of many tenants are
// published into one namespace, the namespace of the Cluster as the publisher's label names it. Who may write profiles may
// write that label too, so it divides what a namespace has and never adds to it.
type tenant struct{ namespace, owner string }

func tenantOf(profile *inventoryv1alpha1.ClusterProfile) tenant {
	return tenant{namespace: profile.Namespace, owner: profile.Labels[v1alpha1.LabelClusterNamespace]}
}

// turns hands out the places of a lane to the spokes that wait for one, fairly among tenants. A tenant is given another place
// only while more places are free than its namespace holds, and it holds itself (the dynamic threshold of shared buffers): the
// more of the lane one tenant holds, the sooner it has to wait, and the last places are for those who hold none. So whatever
// hangs at one tenant's spokes, and however many those are, another tenant finds a free place.
//
// It neither knows the time nor locks; the rounds do.
type queue struct {
	places, taken int
	byNamespace   map[string]int
	lines         map[tenant]*line
	// clock counts events, to serve those first who were served last longest ago.
	clock int
}

// line is the spokes of a tenant that wait for a place, first come first served, and how many places it holds.
type line struct {
	waiting []types.NamespacedName
	taken   int
	served  int
}

func newQueue(places int) *queue {
	return &queue{places: places, byNamespace: map[string]int{}, lines: map[tenant]*line{}}
}

// join makes a spoke wait.
func (t *queue) join(who tenant, spoke types.NamespacedName) {
	l := t.lines[who]
	if l == nil {
		l = &line{served: t.tick()}
		t.lines[who] = l
	}
	l.waiting = append(l.waiting, spoke)
}

// quit takes a spoke that waits out of its line.
func (t *queue) quit(who tenant, spoke types.NamespacedName) {
	if l := t.lines[who]; l != nil {
		l.waiting = slices.DeleteFunc(l.waiting, func(other types.NamespacedName) bool { return other == spoke })
		t.tidy(who, l)
	}
}

// next gives a place to a spoke, if there is one for any of those that wait: to one of the tenant that holds least.
func (t *queue) next() (who tenant, spoke types.NamespacedName, ok bool) {
	var best *line
	for candidate, l := range t.lines {
		if len(l.waiting) > 0 && t.may(candidate, l) && (best == nil || t.before(candidate, l, who, best)) {
			who, best = candidate, l
		}
	}
	if best == nil {
		return tenant{}, types.NamespacedName{}, false
	}
	spoke, best.waiting = best.waiting[0], best.waiting[1:]
	best.taken++
	best.served = t.tick()
	t.taken++
	t.byNamespace[who.namespace]++
	return who, spoke, true
}

// leave gives a place back.
func (t *queue) leave(who tenant) {
	t.taken--
	if t.byNamespace[who.namespace]--; t.byNamespace[who.namespace] == 0 {
		delete(t.byNamespace, who.namespace)
	}
	l := t.lines[who]
	l.taken--
	t.tidy(who, l)
}

func (t *queue) may(who tenant, l *line) bool {
	return l.taken < t.places-t.taken-t.byNamespace[who.namespace]
}

// before says whether a tenant's turn comes before another's.
func (t *queue) before(who tenant, l *line, other tenant, o *line) bool {
	if mine, others := t.byNamespace[who.namespace], t.byNamespace[other.namespace]; mine != others {
		return mine < others
	}
	if l.taken != o.taken {
		return l.taken < o.taken
	}
	return l.served < o.served
}

// tidy drops a line that nobody stands in.
func (t *queue) tidy(who tenant, l *line) {
	if len(l.waiting) == 0 && l.taken == 0 {
		delete(t.lines, who)
	}
}

func (t *queue) tick() int {
	t.clock++
	return t.clock
}
