// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// build builds programs, and returns the folder that they are in.
func build(t *testing.T, packages ...string) string {
	t.Helper()
	bin := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", bin}, packages...)...)
	command.Dir = filepath.Join("..", "..")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return bin
}

// TestCounts runs the publisher's part on a small hub, and checks what does not depend on the machine.
func TestCounts(t *testing.T) {
	ctrl.SetLogger(logr.Discard())
	bin := build(t, "./cmd/publisher")
	p, err := parse([]string{
		"-clusters", "200", "-rounds", "1", "-changes", "5", "-rest", "1s", "-busy", "10s", "-publisher", filepath.Join(bin, "publisher"),
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.measure(t.Context(), p.clusters[0])
	if err != nil {
		t.Fatal(err)
	}
	for what, count := range map[string]struct{ got, want float64 }{
		"requests that write, for each profile published": {out.first.requests, 2},
		"writes after a restart":                          {out.restart.writes, 0},
		"writes while others write":                       {out.busy.writes, 0},
	} {
		if count.got != count.want {
			t.Errorf("%s: %v, want %v", what, count.got, count.want)
		}
	}
	if out.busy.others == 0 || len(out.atRest.took) != 5 || len(out.inPass.took) != 5 {
		t.Errorf("%v writes of others, %d and %d changed endpoints", out.busy.others, len(out.atRest.took), len(out.inPass.took))
	}
	printTable([]result{out})
}

// TestCountsOfChecks runs the consumer's part on a few spokes, and checks what does not depend on the machine.
func TestCountsOfChecks(t *testing.T) {
	ctrl.SetLogger(logr.Discard())
	bin := build(t, "./cmd/publisher", "./cmd/consumer", "sigs.k8s.io/cluster-inventory-api/plugins/kubeconfig-secretreader/cmd/plugin")
	p, err := parse([]string{
		"-spokes", "100", "-rest", "5s", "-publisher", filepath.Join(bin, "publisher"),
		"-consumer", filepath.Join(bin, "consumer"), "-plugin", filepath.Join(bin, "plugin"), "--", "--interval=2s",
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.compareChecks(t.Context(), p.spokes[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{0, 1, 10} {
		got := out[i]
		if got.hanging != want || got.used.writes < 200 {
			t.Errorf("%d spokes hang, want %d; SpokeChecks were written %.0f times, want two for each", got.hanging, want, got.used.writes)
		}
		if got.rest.probes == 0 || got.rest.writes != 0 {
			t.Errorf("at rest: %.0f probes, and SpokeChecks were written %.0f times", got.rest.probes, got.rest.writes)
		}
	}
	printChecks(out)
}
