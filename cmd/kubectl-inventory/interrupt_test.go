// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// aWhile is far more than anything here takes: a test that hangs is to fail.
const aWhile = time.Minute

// silentHub accepts connections and requests, and never answers. asked are the requests so far.
func silentHub(t *testing.T) (server string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	hub := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	}))
	t.Cleanup(func() {
		hub.CloseClientConnections()
		hub.Close()
	})
	return hub.URL, asked
}

// toward are the flags for such a hub. Without the timeout, the client's own would end a request after half a minute.
func toward(server string) []string {
	return []string{"--kubeconfig", os.DevNull, "--server", server, "--insecure-skip-tls-verify", "--token", "x", "--request-timeout", "1h"}
}

// TestInterrupted: the first Ctrl-C cancels what the hub has been asked for, discovery included, and nothing more is asked.
func TestInterrupted(t *testing.T) {
	for name, args := range map[string][]string{
		"List":       {"list", "-A"},
		"Watch":      {"list", "-A", "-w"},
		"Explain":    {"explain", "-n", "team-a", "london"},
		"Lint":       {"lint", "-A"},
		"Check":      {"check", "-A", "--clusterprofile-provider-file", in("providers.json")},
		"Kubeconfig": {"kubeconfig", "-A", "--clusterprofile-provider-file", in("providers.json")},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			server, asked := silentHub(t)
			var out, errOut screen
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			ended := make(chan int, 1)
			go func() {
				ended <- run(ctx, genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, later, append(toward(server), args...))
			}()
			g.Eventually(asked.Load).WithTimeout(aWhile).Should(gomega.BeNumerically(">", 0))
			interrupt()
			g.Eventually(ended).WithTimeout(aWhile).Should(gomega.Receive(gomega.Equal(exitError)))
			g.Expect(errOut.lines()).To(gomega.Equal([]string{"error: interrupted"}))
			g.Expect(asked.Load()).To(gomega.BeEquivalentTo(1), "after the interruption, nothing more is asked")
		})
	}
}

// TestCompletionIsPatientOnce: a completion asks the hub for several things, and all of them together have one deadline.
func TestCompletionIsPatientOnce(t *testing.T) {
	for name, args := range map[string][]string{
		"Profiles":   {"list", ""},
		"Clusters":   {"explain", ""},
		"Namespaces": {"list", "-n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			server, asked := silentHub(t)
			var out, errOut screen
			ended := make(chan int, 1)
			go func() {
				line := append(append([]string{"__completeNoDesc", args[0]}, toward(server)...), args[1:]...)
				ended <- run(t.Context(), genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, later, line)
			}()
			g.Eventually(ended).WithTimeout(aWhile).Should(gomega.Receive(gomega.Equal(0)))
			g.Expect(out.lines()).To(gomega.Equal([]string{":4"}), "there is nothing to complete")
			g.Expect(asked.Load()).To(gomega.BeNumerically("<=", 1), "the deadline of the first question is that of the others")
		})
	}
}

// TestSecondInterruptKills: what cannot be cancelled, such as a plugin by which one logs in to the hub, must not hold up a person
// who means it.
func TestSecondInterruptKills(t *testing.T) {
	g := gomega.NewWithT(t)
	server, _ := silentHub(t)
	dir := t.TempDir()
	login, started, config := filepath.Join(dir, "login"), filepath.Join(dir, "started"), filepath.Join(dir, "config")
	must(t, os.WriteFile(login, fmt.Appendf(nil, "#!/bin/sh\necho $$ >%s.new && mv %s.new %s\nexec sleep 600\n", started, started, started), 0o700))
	must(t, os.WriteFile(config, fmt.Appendf(nil, `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": [{"name": "c", "cluster": {"server": %q, "insecure-skip-tls-verify": true}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
		"users": [{"name": "u", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "interactiveMode": "Never"}}}]}`, server, login), 0o600))

	program := exec.Command(os.Args[0], "--kubeconfig", config, "list", "-A")
	var out bytes.Buffer
	program.Env, program.Stdout = append(os.Environ(), asProgram+"=1"), &out
	must(t, program.Start())
	var plugin int
	g.Eventually(func() (err error) {
		pid, err := os.ReadFile(started)
		if err == nil {
			plugin, err = strconv.Atoi(strings.TrimSpace(string(pid)))
		}
		return err
	}).WithTimeout(aWhile).Should(gomega.Succeed())
	defer func() { _ = syscall.Kill(plugin, syscall.SIGKILL) }()

	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	// The first one is noticed some time, and any one after that is the second.
	var err error
	g.Eventually(func() bool {
		_ = program.Process.Signal(os.Interrupt)
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	}).WithTimeout(aWhile).WithPolling(20 * time.Millisecond).Should(gomega.BeTrue())
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("want an end by the signal, got %v", err)
	}
}
