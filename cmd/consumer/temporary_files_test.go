// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"

	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// testTemporaryFiles: whatever ends consumer --once, it leaves no credentials of the hub behind.
func testTemporaryFiles(t *testing.T, bin string, hub *apiserver.Server) {
	t.Helper()
	once := func(t *testing.T, providers string) (consumer *exec.Cmd, temporary string) {
		t.Helper()
		temporary = t.TempDir()
		consumer = exec.Command(filepath.Join(bin, "consumer"), "--once", "-n", "default", "--allow-local-servers", "--timeout", "1h",
			"--clusterprofile-provider-file", providers)
		consumer.Env = append(os.Environ(), "KUBECONFIG="+halves(t, kubeconfigOf(hub.Config())), "TMPDIR="+temporary)
		return consumer, temporary
	}
	t.Run("ClosedOutput", func(t *testing.T) {
		consumer, temporary := once(t, filepath.Join(bin, "providers.json"))
		read, closed, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = read.Close()
		consumer.Stdout = closed
		_ = consumer.Run()
		_ = closed.Close()
		expectNoFiles(t, consumer, temporary)
	})
	t.Run("ClosedTerminal", func(t *testing.T) {
		g := gomega.NewWithT(t)
		started := filepath.Join(t.TempDir(), "started")
		consumer, temporary := once(t, write(t, "providers.json", fmt.Appendf(nil, `{"providers": [{"name": "kubeconfig-secretreader",
			"execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "provideClusterInfo": true,
				"args": ["-c", "touch %s; exec sleep 600"]}}]}`, started)))
		// What is started under nohup has the signal ignored, and so would what it starts; a signal that is caught is not ignored there.
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
		t.Cleanup(func() { signal.Stop(hangups) })
		if err := consumer.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- consumer.Wait() }()
		g.Eventually(started).WithTimeout(time.Minute).Should(gomega.BeAnExistingFile())
		if err := consumer.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		g.Eventually(ended).WithTimeout(time.Minute).Should(gomega.Receive())
		expectNoFiles(t, consumer, temporary)
	})
}

// expectNoFiles checks that a consumer has ended with an error, and that its temporary files are gone.
func expectNoFiles(t *testing.T, consumer *exec.Cmd, temporary string) {
	t.Helper()
	if consumer.ProcessState.ExitCode() != 2 {
		t.Errorf("exit code: want 2, got %s", consumer.ProcessState)
	}
	left, err := filepath.Glob(filepath.Join(temporary, "*"))
	if diff := cmp.Diff([]string(nil), left); err != nil || diff != "" {
		t.Errorf("the consumer left temporary files: %v -want +got:\n%s", err, diff)
	}
}
