// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// tenant is the owner of a spoke: the namespace of its profile, and within that, if profiles of many tenants are published into one
// namespace, the namespace of the Cluster that the publisher's label names. A user who may write profiles may write that label
// too, so it divides the share of a namespace and never adds to it.
type tenant struct{ namespace, owner string }

func tenantOf(profile *inventoryv1alpha1.ClusterProfile) tenant {
	return tenant{namespace: profile.Namespace, owner: profile.Labels[v1alpha1.LabelClusterNamespace]}
}

// queue limits how many spokes are probed at once, and shares the slots fairly among tenants. A tenant gets another slot only
// while more slots are free than its namespace holds and it holds itself (the dynamic threshold of shared buffers): the more
// slots one tenant holds, the sooner it has to wait, and the last slots are for tenants that hold none. So however many spokes of
// one tenant hang, another tenant finds a free slot.
//
// It has no clock and no lock; it is guarded by the scheduler's lock.
type queue struct {
	capacity, running  int
	runningByNamespace map[string]int
	tenants            map[tenant]*tenantQueue
	// sequence counts events, to serve the tenant first that was served least recently.
	sequence int
}

// tenantQueue is the spokes of a tenant that wait for a slot, first in, first out, and how many slots the tenant holds.
type tenantQueue struct {
	waiting    []types.NamespacedName
	running    int
	lastServed int
}

func newQueue(capacity int) *queue {
	return &queue{capacity: capacity, runningByNamespace: map[string]int{}, tenants: map[tenant]*tenantQueue{}}
}

// add adds a spoke at the end of its tenant's queue.
func (q *queue) add(owner tenant, spoke types.NamespacedName) {
	t := q.tenants[owner]
	if t == nil {
		t = &tenantQueue{lastServed: q.next()}
		q.tenants[owner] = t
	}
	t.waiting = append(t.waiting, spoke)
}

// remove removes a spoke that waits.
func (q *queue) remove(owner tenant, spoke types.NamespacedName) {
	if t := q.tenants[owner]; t != nil {
		t.waiting = slices.DeleteFunc(t.waiting, func(other types.NamespacedName) bool { return other == spoke })
		q.prune(owner)
	}
}

// acquire gives a free slot to a spoke that waits, if any may have one: to one of the tenant that holds least.
func (q *queue) acquire() (owner tenant, spoke types.NamespacedName, ok bool) {
	var first *tenantQueue
	for candidate, t := range q.tenants {
		if len(t.waiting) > 0 && q.admits(candidate) && (first == nil || q.precedes(candidate, owner)) {
			owner, first = candidate, t
		}
	}
	if first == nil {
		return tenant{}, types.NamespacedName{}, false
	}
	spoke, first.waiting = first.waiting[0], first.waiting[1:]
	first.running++
	first.lastServed = q.next()
	q.running++
	q.runningByNamespace[owner.namespace]++
	return owner, spoke, true
}

// release frees a slot.
func (q *queue) release(owner tenant) {
	q.running--
	if q.runningByNamespace[owner.namespace]--; q.runningByNamespace[owner.namespace] == 0 {
		delete(q.runningByNamespace, owner.namespace)
	}
	q.tenants[owner].running--
	q.prune(owner)
}

// admits reports whether a tenant may have another slot.
func (q *queue) admits(owner tenant) bool {
	return q.tenants[owner].running < q.capacity-q.running-q.runningByNamespace[owner.namespace]
}

// precedes reports whether a tenant is served before another.
func (q *queue) precedes(a, b tenant) bool {
	if inA, inB := q.runningByNamespace[a.namespace], q.runningByNamespace[b.namespace]; inA != inB {
		return inA < inB
	}
	if ofA, ofB := q.tenants[a].running, q.tenants[b].running; ofA != ofB {
		return ofA < ofB
	}
	return q.tenants[a].lastServed < q.tenants[b].lastServed
}

// prune drops the queue of a tenant that neither waits nor holds a slot.
func (q *queue) prune(owner tenant) {
	if t := q.tenants[owner]; len(t.waiting) == 0 && t.running == 0 {
		delete(q.tenants, owner)
	}
}

// next returns the next sequence number.
func (q *queue) next() int {
	q.sequence++
	return q.sequence
}
