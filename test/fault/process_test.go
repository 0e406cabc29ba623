// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// build builds a program of the project, or of a module that it uses, and returns the path of the binary.
func build(t *testing.T, name, pkg string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	goBuild(t, binary, pkg)
	return binary
}

// buildPrograms builds programs of the project, side by side, and returns the folder of the binaries.
func buildPrograms(t *testing.T, names ...string) string {
	t.Helper()
	folder := t.TempDir()
	packages := make([]string, 0, len(names))
	for _, name := range names {
		packages = append(packages, "../../cmd/"+name)
	}
	goBuild(t, folder+string(filepath.Separator), packages...)
	return folder
}

// goBuild builds packages without the data for debuggers, which takes a third of the time.
func goBuild(t *testing.T, output string, packages ...string) {
	t.Helper()
	if out, err := exec.Command("go", append([]string{"build", "-ldflags=-w", "-o", output}, packages...)...).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", packages, err, out)
	}
}

// process is a program that runs.
type process struct {
	command *exec.Cmd
	// ended is closed when it has.
	ended chan struct{}
	// killed says that the test has ended it.
	killed atomic.Bool
}

// run starts a program with a connection to the hub, until the test ends. Its log is appended to logs.
func run(t *testing.T, log io.Writer, config *rest.Config, binary string, args ...string) *process {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "hub.kubeconfig")
	must(t, os.WriteFile(kubeconfig, fixture.Kubeconfig("hub", config, ""), 0o600))
	command := exec.Command(binary, append([]string{"--kubeconfig", kubeconfig, "--diagnostics-address=0", "--health-addr=0"}, args...)...)
	command.Stdout, command.Stderr = log, log
	p := &process{command: command, ended: make(chan struct{})}
	must(t, command.Start())
	go func() {
		// How it has ended is in command.ProcessState.
		_ = command.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends it with SIGKILL, and waits until it has ended.
func (p *process) kill() {
	p.killed.Store(true)
	_ = p.command.Process.Signal(syscall.SIGKILL)
	<-p.ended
}

// alive reports whether the process has not ended.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// failure returns why the process has ended by itself; nil if it has not.
func (p *process) failure() error {
	if p.alive() || p.killed.Load() {
		return nil
	}
	return fmt.Errorf("the program ended by itself: %s", p.command.ProcessState)
}
