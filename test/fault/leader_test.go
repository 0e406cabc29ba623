// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/output"
)

// TestFrozenLeader freezes the leader of two publishers until the other one leads, and wakes it: it must write nothing.
func TestFrozenLeader(t *testing.T) {
	if !*full {
		t.Skip("takes a minute: make test-fault")
	}
	s := newStage(t)
	random := newChurn(t, s)
	binary := build(t, "publisher", "../../cmd/publisher")
	var logs output.Buffer
	start := func(wrote *writes) *process {
		return run(t, &logs, newGateway(t, wrote.handle).connection(), binary, "--leader-election-namespace="+s.shared, "--stale-after=0",
			"--cluster-manager-name="+s.name, "--publisher-class="+s.name, "--namespace="+s.clusters[0]+","+s.clusters[1])
	}
	var first, second writes
	leader := start(&first)
	eventually(t, func() []string { return s.notLed(t, "") })
	follower := start(&second)
	for range 20 {
		random.step(t)
	}
	random.calm(t)
	eventually(t, func() []string { return s.audit(t) })
	holder := s.holder(t)
	must(t, leader.command.Process.Signal(syscall.SIGSTOP))
	for range 20 {
		random.step(t)
	}
	eventually(t, func() []string {
		random.step(t)
		return s.notLed(t, holder)
	})
	random.calm(t)
	eventually(t, func() []string {
		must(t, follower.failure())
		return s.audit(t)
	})
	before := first.carriedOut.Load()
	must(t, leader.command.Process.Signal(syscall.SIGCONT))
	<-leader.ended
	if after := first.carriedOut.Load(); after != before {
		t.Errorf("the publisher that does not lead any more has written %d times", after-before)
	}
	if faults := s.audit(t); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	if found := leaked(t, map[string]string{"the logs": logs.String()}); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

// writes counts the changes of profiles that the API server has carried out.
type writes struct{ carriedOut atomic.Int64 }

func (c *writes) handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !isWrite(r) || !strings.Contains(r.URL.Path, "/clusterprofiles") {
		next.ServeHTTP(w, r)
		return
	}
	noted := &statusNoted{ResponseWriter: w}
	next.ServeHTTP(noted, r)
	if noted.code < 300 {
		c.carriedOut.Add(1)
	}
}

type statusNoted struct {
	http.ResponseWriter
	code int
}

func (s *statusNoted) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// holder is who holds the Lease of the stage's publishers; empty for none.
func (s *stage) holder(t tester) string {
	t.Helper()
	lease := &coordinationv1.Lease{}
	key := types.NamespacedName{Namespace: s.shared, Name: publisher.LeaseName(s.name)}
	if err := hub.Get(t.Context(), key, lease); err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// notLed returns that none but the given publisher leads.
func (s *stage) notLed(t tester, but string) []string {
	t.Helper()
	if holder := s.holder(t); holder == but || holder == "" {
		return []string{fmt.Sprintf("%q leads", holder)}
	}
	return nil
}
