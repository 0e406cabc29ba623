// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/capi-inventory/capi-inventory/controllers/publisher"
)

// lease creates the Lease of a publisher with a holder.
func (hub *testHub) lease(t *testing.T, namespace, class, holder string) *coordinationv1.Lease {
	t.Helper()
	made := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: publisher.LeaseName(class)},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: ptr.To(holder), RenewTime: ptr.To(metav1.NowMicro())},
	}
	hub.create(t, made)
	t.Cleanup(func() { _ = hub.Delete(contextOf(t), made) })
	return made
}

// step moves a clock, while something waits for it, until done.
func step(g *WithT, clock *clocktesting.FakeClock, by time.Duration, each func(), done <-chan error) error {
	var result error
	g.Eventually(func() bool {
		select {
		case result = <-done:
			return true
		default:
		}
		if clock.HasWaiters() {
			each()
			clock.Step(by)
		}
		return false
	}).Should(BeTrue())
	return result
}

// A publisher refuses to start beside another one of its class, and beside no other.
func TestRefusesToStartBesideARival(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		why string
		// class and holder are of the other Lease; in says whether it is in the publisher's own namespace.
		class, holder string
		own, renewed  bool
		// leads says which of the two has led first: its Lease is the older one.
		leads   string
		refused bool
	}{
		"Alive": {why: "it is renewed", class: "of-the-test", holder: "other", renewed: true, refused: true},
		"Older": {
			why:     "it was there first",
			class:   "of-the-test",
			holder:  "other",
			renewed: true,
			leads:   "theirs",
			refused: true,
		},
		"Younger": {
			why:     "a publisher ends by itself, and any other holder keeps nobody from publishing",
			class:   "of-the-test",
			holder:  "other",
			renewed: true,
			leads:   "mine",
		},
		"Abandoned":    {why: "it is not renewed", class: "of-the-test", holder: "other"},
		"Released":     {why: "it has no holder", class: "of-the-test", renewed: true},
		"AnotherClass": {why: "it serves other Inventories", class: "another", holder: "other", renewed: true},
		"OwnNamespace": {
			why:     "it is a replica, and leader election is between the two",
			class:   "of-the-test",
			holder:  "other",
			own:     true,
			renewed: true,
		},
		"OfAnyoneAlive": {why: "the default class is a class too", class: "", holder: "other", renewed: true},
	} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			mine, theirs := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
			if tc.own {
				theirs = mine
			}
			// Leases of one second are ordered by their namespaces.
			if tc.leads == "mine" && mine > theirs || tc.leads == "theirs" && theirs > mine {
				mine, theirs = theirs, mine
			}
			if tc.leads == "mine" {
				hub.lease(t, mine, tc.class, "me")
			}
			other := hub.lease(t, theirs, tc.class, tc.holder)
			if tc.leads == "theirs" {
				hub.lease(t, mine, tc.class, "me")
			}
			clock := clocktesting.NewFakeClock(time.Now())
			rivals := publisher.Rivals{
				Hub:   hub,
				Lease: types.NamespacedName{Namespace: mine, Name: publisher.LeaseName("of-the-test")},
				Clock: clock,
			}
			done := make(chan error, 1)
			go func() { done <- rivals.Check(t.Context()) }()
			err := step(g, clock, 3*time.Second, func() {
				if tc.renewed {
					hub.renew(t, other)
				}
			}, done)
			if !tc.refused {
				g.Expect(err).NotTo(HaveOccurred(), tc.why)
				return
			}
			g.Expect(err).To(MatchError(And(ContainSubstring(theirs), ContainSubstring("--publisher-class"))), tc.why)
		})
	}
}

// Of two that were started at the same moment, the one whose Lease is younger stops.
func TestYoungerRivalStops(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	// Leases of one second are ordered by their namespaces.
	first, second := hub.newNamespace(t, nil), hub.newNamespace(t, nil)
	if first > second {
		first, second = second, first
	}
	leases := map[string]*coordinationv1.Lease{first: hub.lease(t, first, "simultaneous", "one"), second: nil}
	leases[second] = hub.lease(t, second, "simultaneous", "two")
	clock := clocktesting.NewFakeClock(time.Now())
	done := map[string]chan error{first: make(chan error, 1), second: make(chan error, 1)}
	for namespace, result := range done {
		rivals := publisher.Rivals{
			Hub:   hub,
			Lease: types.NamespacedName{Namespace: namespace, Name: publisher.LeaseName("simultaneous")},
			Clock: clock,
		}
		go func() { result <- rivals.Start(t.Context()) }()
	}
	renewBoth := func() { hub.renew(t, leases[first]); hub.renew(t, leases[second]) }
	g.Expect(step(g, clock, 30*time.Second, renewBoth, done[second])).To(MatchError(ContainSubstring(first)))
	g.Consistently(func() int {
		if clock.HasWaiters() {
			renewBoth()
			clock.Step(30 * time.Second)
		}
		return len(done[first])
	}).Should(BeZero(), "the other one stays")
}

func (hub *testHub) renew(t *testing.T, of *coordinationv1.Lease) {
	t.Helper()
	of.Spec.RenewTime = ptr.To(metav1.NewMicroTime(of.Spec.RenewTime.Add(2 * time.Second)))
	if err := hub.Update(contextOf(t), of); err != nil {
		t.Error(err)
	}
}
