// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	clocktesting "k8s.io/utils/clock/testing"
)

// maxWrites is more than a grant, a renewal or a revocation takes.
const maxWrites = 20

// killable is a stage whose broker can be killed: the one that run starts.
type killable struct {
	*stage
	clock  *clocktesting.FakeClock
	killer atomic.Pointer[killer]
}

func newKillable(t *testing.T) *killable {
	t.Helper()
	access := readConfigMaps()
	access.TokenTTL.Duration = 168 * time.Hour
	k := &killable{stage: newStage(t, access), clock: clocktesting.NewFakeClock(time.Now())}
	k.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		current := k.killer.Load()
		if current == nil || r.UserAgent() != userAgent {
			next.ServeHTTP(w, r)
			return
		}
		if !current.admit() {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
		if !current.count(r) {
			panic(http.ErrAbortHandler)
		}
	})
	return k
}

// killedAfter runs a broker until it has made so many writes, or until it is done; false says that it was done before.
func (k *killable) killedAfter(g *WithT, writes int, done func() bool) (killed bool) {
	end := &killer{left: writes}
	k.killer.Store(end)
	running := k.startBroker(withClock(k.clock), end.onHub())
	k.touch()
	g.Eventually(func() bool { return end.isDead() || done() }).Should(BeTrue(), "after %d writes", writes)
	running.stop()
	k.killer.Store(nil)
	return end.isDead()
}

// Each of these tests kills the broker after each of its writes, on the hub or on the spoke, and starts another. They have a grant
// each: the publisher makes one that is deleted again and again ten times at once, and then after pauses.

func TestKilledWhileGranting(t *testing.T) {
	k := newKillable(t)
	g := NewWithT(t)
	g.Eventually(k.grant).ShouldNot(BeNil())
	granted := func() bool { return k.condition("Ready")() == "True Granted" }
	for writes := 1; writes <= maxWrites && k.killedAfter(g, writes, granted); writes++ {
		again := k.startBroker(withClock(k.clock))
		k.touch()
		g.Eventually(k.sound).Should(Succeed(), "killed after %d writes", writes)
		// From the beginning, for the next round.
		g.Expect(k.hub.Delete(t.Context(), k.grant())).To(Succeed())
		g.Eventually(k.isNew).Should(BeTrue())
		again.stop()
		k.reset(g)
	}
}

func TestKilledWhileRenewing(t *testing.T) {
	k := newKillable(t)
	g := NewWithT(t)
	k.grantSoundly(g)
	stop := k.watchForGaps(t)
	for writes := 1; writes <= maxWrites; writes++ {
		status := k.grant().Status
		issued := status.IssuedAt
		// The spoke's clock stands still meanwhile, so that each token has two thirds of the life of the one before.
		k.clock.Step(status.ExpirationTimestamp.Sub(issued.Time) / 3)
		renewed := func() bool { return k.grant().Status.IssuedAt.After(issued.Time) }
		killed := k.killedAfter(g, writes, renewed)
		again := k.startBroker(withClock(k.clock))
		k.touch()
		g.Eventually(renewed).Should(BeTrue(), "killed after %d writes", writes)
		g.Eventually(k.sound).Should(Succeed())
		again.stop()
		if !killed {
			break
		}
	}
	stop()
}

func TestKilledWhileRevoking(t *testing.T) {
	k := newKillable(t)
	g := NewWithT(t)
	for writes := 1; writes <= maxWrites; writes++ {
		k.grantSoundly(g)
		digest := k.account().Labels["capi-inventory.dev/grant"]
		rights := k.rightsOnSpoke(digest)
		g.Expect(k.hub.Delete(t.Context(), k.grant())).To(Succeed())
		killed := k.killedAfter(g, writes, k.isNew)
		again := k.startBroker(withClock(k.clock))
		g.Eventually(k.isNew).Should(BeTrue(), "killed after %d writes", writes)
		again.stop()
		// Those of another grant, which the publisher makes at once, are others.
		g.Expect(k.rightsOnSpoke(digest)).NotTo(ContainElement(BeElementOf(rights)), "killed after %d writes", writes)
		if !killed {
			break
		}
		k.reset(g)
	}
}

// grantSoundly runs a broker until the grant is fulfilled.
func (k *killable) grantSoundly(g *WithT) {
	k.t.Helper()
	g.Eventually(k.grant).ShouldNot(BeNil())
	once := k.startBroker(withClock(k.clock))
	k.touch()
	g.Eventually(k.sound).Should(Succeed())
	once.stop()
}

// isNew reports whether the grant was revoked, and the publisher has perhaps made another already.
func (k *killable) isNew() bool {
	of := k.grant()
	return of == nil || of.DeletionTimestamp.IsZero()
}

// reset waits until the publisher has made another grant, and frees the namespace on the spoke: no controller deletes namespaces there.
func (k *killable) reset(g *WithT) {
	k.t.Helper()
	g.Eventually(func() bool { of := k.grant(); return of != nil && of.DeletionTimestamp.IsZero() }).Should(BeTrue())
	namespaces := &corev1.NamespaceList{}
	g.Expect(k.spoke.List(context.Background(), namespaces)).To(Succeed())
	for i := range namespaces.Items {
		if !namespaces.Items[i].DeletionTimestamp.IsZero() {
			namespaces.Items[i].Spec.Finalizers = nil
			_ = k.spoke.SubResource("finalize").Update(context.Background(), &namespaces.Items[i])
		}
	}
}

// sound returns an error unless the grant is ready, and what it says is what the hub and the spoke have: one ServiceAccount with its
// rights, and a Secret with a token of it.
func (k *killable) sound() error {
	of, secret := k.grant(), k.secret()
	if of == nil || secret == nil || !meta.IsStatusConditionTrue(of.Status.Conditions, "Ready") {
		return errors.New("the grant is not ready")
	}
	if of.Status.Secret.ResourceVersion != secret.ResourceVersion {
		return fmt.Errorf("the status is that of another Secret")
	}
	if user, err := k.who(secret); err != nil || user != of.Status.User {
		return fmt.Errorf("the token is that of %q: %w", user, err)
	}
	account := k.account()
	if rights := k.rightsOnSpoke(account.Labels["capi-inventory.dev/grant"]); len(rights) != 2 {
		return fmt.Errorf("the spoke has %d rights", len(rights))
	}
	return nil
}

// watchForGaps reads the Secret and uses its token all the time, as a consumer does, until stop is called: it must always be accepted.
func (k *killable) watchForGaps(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if secret := k.secret(); secret == nil {
				t.Error("there is no Secret")
			} else if _, err := k.who(secret); err != nil {
				t.Errorf("the token is not accepted: %v", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() { cancel(); <-done }
}
