// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// Each of these tests takes the spoke away after each of the broker's writes to it, and brings it back. The broker goes on.

func TestSpokeGoesWhileGranting(t *testing.T) {
	k := newKillable(t)
	g := NewWithT(t)
	g.Eventually(k.grant).ShouldNot(BeNil())
	for writes := 1; writes <= maxWrites; writes++ {
		stop, gone := k.spokeGoesAfter(g, writes, func() bool { return k.condition("Ready")() == "True Granted" })
		k.returns(g, func() bool { return k.sound() == nil })
		g.Expect(k.hub.Delete(t.Context(), k.grant())).To(Succeed())
		g.Eventually(k.isNew).Should(BeTrue())
		stop()
		if !gone {
			return
		}
		k.reset(g)
	}
}

func TestSpokeGoesWhileRenewing(t *testing.T) {
	k := newKillable(t)
	g := NewWithT(t)
	k.grantSoundly(g)
	complete := k.watchForGaps(t)
	defer complete()
	for writes := 1; writes <= maxWrites; writes++ {
		status := k.grant().Status
		k.clock.Step(status.ExpirationTimestamp.Sub(status.IssuedAt.Time) / 3)
		renewed := func() bool { return k.grant().Status.IssuedAt.After(status.IssuedAt.Time) }
		stop, gone := k.spokeGoesAfter(g, writes, renewed)
		k.returns(g, func() bool { return renewed() && k.sound() == nil })
		stop()
		if !gone {
			return
		}
	}
}

func TestSpokeGoesWhileRevoking(t *testing.T) {
	k := newKillable(t)
	g := NewWithT(t)
	for writes := 1; writes <= maxWrites; writes++ {
		k.grantSoundly(g)
		digest := k.account().Labels["capi-inventory.dev/grant"]
		rights := k.rightsOnSpoke(digest)
		g.Expect(k.hub.Delete(t.Context(), k.grant())).To(Succeed())
		stop, gone := k.spokeGoesAfter(g, writes, k.isNew)
		if gone {
			g.Expect(k.secret()).To(BeNil(), "the hub forgets the token at once")
		}
		k.returns(g, k.isNew)
		stop()
		// Those of another grant, which the publisher makes at once, are others.
		g.Expect(k.rightsOnSpoke(digest)).NotTo(ContainElement(BeElementOf(rights)))
		if !gone {
			return
		}
		k.reset(g)
	}
}

// spokeGoesAfter runs a broker until it has made so many writes to the spoke, which is away from then on and reported so, or until it is
// done; gone is false if it was done before.
func (k *killable) spokeGoesAfter(g *WithT, writes int, done func() bool) (stop func(), gone bool) {
	end := &killer{left: writes}
	k.killer.Store(end)
	running := k.startBroker(withClock(k.clock))
	k.touch()
	g.Eventually(func() bool { return end.isDead() || done() }).Should(BeTrue(), "after %d writes", writes)
	if end.isDead() && !done() {
		g.Eventually(func() bool { return done() || k.condition("Degraded")() == "True SpokeUnreachable" }).Should(BeTrue())
	}
	return running.stop, end.isDead()
}

// returns brings the spoke back, and waits until the broker, whose pauses pass, is done.
func (k *killable) returns(g *WithT, done func() bool) {
	k.killer.Store(nil)
	g.Eventually(func() bool {
		k.clock.Step(7 * time.Minute)
		k.touch()
		return done()
	}).WithPolling(time.Second).Should(BeTrue())
}
