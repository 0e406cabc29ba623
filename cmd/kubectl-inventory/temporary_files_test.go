// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
)

// checking returns a command that checks a spoke, with a temporary kubeconfig for the plugin of a provider file, and the folder of that.
func checking(t *testing.T, providers string) (program *exec.Cmd, temporary string) {
	t.Helper()
	temporary = t.TempDir()
	program = exec.Command(os.Args[0], "check", "-n", "team-a", "london", "--allow-local-servers", "--timeout", "1h",
		"--clusterprofile-provider-file", providers)
	program.Env = append(os.Environ(), asProgram+"=1", "KUBECONFIG="+halves(t), "TMPDIR="+temporary)
	return program, temporary
}

// TestClosedOutput: kubectl inventory check | head -1 leaves no credentials of the hub behind.
func TestClosedOutput(t *testing.T) {
	program, temporary := checking(t, in("providers.json"))
	read, closed, err := os.Pipe()
	must(t, err)
	must(t, read.Close())
	var errOut bytes.Buffer
	program.Stdout, program.Stderr = closed, &errOut
	_ = program.Run()
	must(t, closed.Close())
	expectNoFiles(t, program, temporary)
	if t.Failed() {
		t.Logf("%s: %s", program.ProcessState, errOut.String())
	}
}

// TestClosedTerminal: nor does a terminal that is closed while a plugin runs, even if the signal for that is repeated.
func TestClosedTerminal(t *testing.T) {
	g := gomega.NewWithT(t)
	started := filepath.Join(t.TempDir(), "started")
	program, temporary := checking(t, write(t, "providers.json", fmt.Appendf(nil, `{"providers": [{"name": "kubeconfig-secretreader",
		"execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "provideClusterInfo": true,
			"args": ["-c", "cp \"$KUBECONFIG\" %s; exec sleep 600"]}}]}`, started)))
	// What is started under nohup has the signal ignored, and so would what it starts; a signal that is caught is not ignored there.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	must(t, program.Start())
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	g.Eventually(started).WithTimeout(testTimeout).Should(gomega.BeAnExistingFile())
	must(t, program.Process.Signal(syscall.SIGHUP))
	_ = program.Process.Signal(syscall.SIGHUP)
	g.Eventually(ended).WithTimeout(testTimeout).Should(gomega.Receive())
	expectNoFiles(t, program, temporary)
}

// expectNoFiles checks that a program has ended with an error, and that its temporary files are gone.
func expectNoFiles(t *testing.T, program *exec.Cmd, temporary string) {
	t.Helper()
	if got := program.ProcessState.ExitCode(); got != exitError {
		t.Errorf("exit code: want %d, got %s", exitError, program.ProcessState)
	}
	left, err := filepath.Glob(filepath.Join(temporary, "*"))
	if diff := cmp.Diff([]string(nil), left); err != nil || diff != "" {
		t.Errorf("the program left temporary files: %v -want +got:\n%s", err, diff)
	}
}
