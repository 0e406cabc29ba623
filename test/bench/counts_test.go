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

// TestCounts runs the publisher's part on a small hub, and checks what does not depend on the machine.
func TestCounts(t *testing.T) {
	ctrl.SetLogger(logr.Discard())
	publisher := filepath.Join(t.TempDir(), "publisher")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", publisher, "./cmd/publisher")
	build.Dir = filepath.Join("..", "..")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	p, err := parse([]string{
		"-clusters", "200", "-rounds", "1", "-changes", "5", "-rest", "1s", "-busy", "10s", "-publisher", publisher,
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
