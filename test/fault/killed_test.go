// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/capi-inventory/capi-inventory/test/output"
)

// killer kills a program at one of its writes: before the API server gets it, or when the API server has carried it out and the program
// has not heard of it.
type killer struct {
	// left is how many writes are passed on before the last one; negative for no end.
	left  atomic.Int64
	after atomic.Bool
	at    atomic.Pointer[process]
}

// aim has a program killed at one of its next writes, before or after the API server carries it out.
func (k *killer) aim(at *process, writes int64, after bool) {
	k.left.Store(writes)
	k.after.Store(after)
	k.at.Store(at)
}

func (k *killer) handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	target := k.at.Load()
	if target == nil || !isWrite(r) || k.left.Add(-1) != 0 {
		next.ServeHTTP(w, r)
		return
	}
	if k.after.Load() {
		next.ServeHTTP(discard{}, r)
	}
	target.kill()
}

// discard is an answer that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// TestPublisherIsKilled kills the real publisher while everything changes.
func TestPublisherIsKilled(t *testing.T) {
	s := newStage(t)
	random := newChurn(t, s)
	binary := build(t, "publisher", "../../cmd/publisher")
	kills := &killer{}
	gate := newGateway(t, kills.handle)
	var logs output.Buffer
	start := func() *process {
		return run(t, &logs, gate.connection(), binary, "--leader-elect=false", "--stale-after=0", "--cluster-manager-name="+s.name,
			"--publisher-class="+s.name, "--namespace="+s.clusters[0]+","+s.clusters[1])
	}
	for range either(50, 3) {
		running := start()
		kills.aim(running, 1+random.Int64N(12), random.IntN(2) == 0)
		for running.alive() {
			random.step(t)
		}
		must(t, running.failure())
		kills.at.Store(nil)
	}
	random.calm(t)
	last := start()
	eventually(t, func() []string {
		must(t, last.failure())
		return s.audit(t)
	})
	if found := leaked(t, map[string]string{"the logs": logs.String()}); len(found) > 0 {
		t.Errorf("%q", found)
	}
}
