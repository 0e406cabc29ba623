// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/output"
)

var soak = flag.Duration("fault.soak", 30*time.Minute, "how long TestSoak takes")

// TestSoak changes everything for half an hour, with Clusters that have never been there before, while the real programs run: in the end
// they must have no more of the machine than after the first tenth, with as few Clusters.
func TestSoak(t *testing.T) {
	if !*full {
		t.Skip("takes half an hour: make test-fault")
	}
	f := newFleet(t, func(w http.ResponseWriter, r *http.Request, spoke http.Handler) { spoke.ServeHTTP(w, r) })
	f.once = true
	p := newPrograms(t, f)
	f.changeFor(t, *soak/10)
	f.quiet(t)
	before := p.usage(t)
	t.Logf("after a tenth: %+v", before)
	f.changeFor(t, *soak-*soak/10)
	f.quiet(t)
	t.Logf("in the end: %+v", p.usage(t))
	// Idle connections end by themselves.
	eventually(t, func() []string {
		var faults []string
		for name, now := range p.usage(t) {
			for _, fault := range now.exceeds(before[name]) {
				faults = append(faults, fmt.Sprintf("the %s has %s", name, fault))
			}
		}
		return faults
	})
	f.leaksNothing(t, map[string]string{"the logs": p.logs.String()})
}

// programs are those that run on the hub of a fleet, and where they serve their metrics.
type programs struct {
	processes map[string]*process
	metrics   map[string]string
	logs      output.Buffer
}

func newPrograms(t *testing.T, f *fleet) *programs {
	t.Helper()
	p := &programs{processes: map[string]*process{}, metrics: map[string]string{}}
	binaries := buildPrograms(t, "publisher", "broker", "consumer")
	publisher, broker := f.flags()
	consumer := []string{
		"--clusterprofile-provider-file=" + providerFile(t), "--allow-local-servers", "--leader-elect=false", "--interval=2s",
		"--name=" + f.name, "--cluster-manager-name=" + f.name,
	}
	for name, flags := range map[string][]string{"publisher": publisher, "broker": broker, "consumer": consumer} {
		p.metrics[name] = freeAddress(t)
		flags = append([]string{"--insecure-diagnostics", "--diagnostics-address=" + p.metrics[name]}, flags...)
		p.processes[name] = run(t, &p.logs, server.Config(), filepath.Join(binaries, name), flags...)
	}
	return p
}

// usage returns that of each program.
func (p *programs) usage(t *testing.T) map[string]usage {
	t.Helper()
	used := map[string]usage{}
	for name, running := range p.processes {
		must(t, running.failure())
		used[name] = running.usage(t, p.metrics[name])
	}
	return used
}

// changeFor carries out ten operations a second.
func (f *fleet) changeFor(t *testing.T, length time.Duration) {
	t.Helper()
	pace, end := time.NewTicker(100*time.Millisecond), time.After(length)
	defer pace.Stop()
	for {
		select {
		case <-end:
			return
		case <-pace.C:
			f.step(t)
		}
	}
}

// quiet has no Clusters but the keeper, and waits until nothing of the others is left and the consumer has reached that one.
func (f *fleet) quiet(t *testing.T) {
	t.Helper()
	for key := range f.uids {
		f.leave(t, key)
	}
	f.calm(t)
	eventually(t, func() []string {
		faults := f.audit(t)
		if left := len(f.profiles(t)); left != 1 {
			faults = append(faults, fmt.Sprintf("there are %d profiles", left))
		}
		check := &v1alpha1.SpokeCheck{}
		if err := hub.Get(t.Context(), f.keeper(), check); err != nil ||
			!meta.IsStatusConditionTrue(check.Status.Conditions, v1alpha1.ConditionReachable) {
			faults = append(faults, fmt.Sprintf("the consumer does not reach the keeper: %v %+v", err, check.Status.Conditions))
		}
		if owned := len(f.grantsAndChecks(t)); owned != 2 {
			faults = append(faults, fmt.Sprintf("there are %d grants and SpokeChecks", owned))
		}
		return faults
	})
}
