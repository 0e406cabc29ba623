// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/test/output"
)

// TestSlowList starts the real publisher at an API server whose first list takes longer than the two minutes after which a controller of
// controller-runtime gives up by default: the next start would begin with the same list, and a hub that is large enough would never be
// published.
func TestSlowList(t *testing.T) {
	if !*full {
		t.Skip("takes minutes: make test-fault")
	}
	s := newStage(t)
	s.setInventory(t, "a", inventoryState{})
	s.createCluster(t, types.NamespacedName{Namespace: s.clusters[0], Name: "c1"}, clusterState{version: "v1.36.1"})
	held := &hold{suffix: "/clusters", until: make(chan struct{})}
	slow := &weather{}
	slow.held.Store(held)
	gate := newGateway(t, slow.handle)
	var logs output.Buffer
	running := run(t, &logs, gate.connection(), build(t, "publisher", "../../cmd/publisher"), "--leader-elect=false", "--stale-after=0",
		"--cluster-manager-name="+s.name, "--publisher-class="+s.name, "--namespace="+s.clusters[0]+","+s.clusters[1])
	select {
	case <-running.ended:
		t.Fatalf("%v; %s", running.failure(), logs.String())
	case <-time.After(2*time.Minute + 20*time.Second):
		close(held.until)
	}
	eventually(t, func() []string {
		must(t, running.failure())
		return s.audit(t)
	})
}
