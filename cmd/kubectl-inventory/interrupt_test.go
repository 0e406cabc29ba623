// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// testTimeout is much longer than any test takes, so that one that hangs fails.
const testTimeout = time.Minute

// silentHub accepts requests and never responds. requests counts them.
func silentHub(t *testing.T) (server string, requests *atomic.Int32) {
	t.Helper()
	requests = &atomic.Int32{}
	hub := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		<-r.Context().Done()
	}))
	t.Cleanup(func() {
		hub.CloseClientConnections()
		hub.Close()
	})
	return hub.URL, requests
}

// hubFlags returns the flags for such a hub. The client's default timeout would end a request after half a minute.
func hubFlags(server string) []string {
	return []string{"--kubeconfig", os.DevNull, "--server", server, "--insecure-skip-tls-verify", "--token", "x", "--request-timeout", "1h"}
}

// TestInterrupted: the first Ctrl-C cancels the requests to the hub, including discovery, and no others are sent.
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
			server, requests := silentHub(t)
			var out, errOut screen
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			ended := make(chan int, 1)
			go func() {
				ended <- run(ctx, genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, later, append(hubFlags(server), args...))
			}()
			g.Eventually(requests.Load).WithTimeout(testTimeout).Should(gomega.BeNumerically(">", 0))
			interrupt()
			g.Eventually(ended).WithTimeout(testTimeout).Should(gomega.Receive(gomega.Equal(exitError)))
			g.Expect(errOut.lines()).To(gomega.Equal([]string{"error: interrupted"}))
			g.Expect(requests.Load()).To(gomega.BeEquivalentTo(1), "no request is sent after the interruption")
		})
	}
}

// TestInterruptedFiles: Ctrl-C does not wait for the end of what is read as a manifest.
func TestInterruptedFiles(t *testing.T) {
	for _, command := range []string{"lint", "diff"} {
		for name, from := range map[string]func(t *testing.T) (file string, in io.Reader, reads func() bool){
			"StandardInput": pendingInput,
			"URL":           pendingURL,
		} {
			t.Run(command+name, func(t *testing.T) {
				g := gomega.NewWithT(t)
				file, in, reads := from(t)
				var out, errOut screen
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				ended := make(chan int, 1)
				go func() {
					ended <- run(ctx, genericiooptions.IOStreams{In: in, Out: &out, ErrOut: &errOut}, later, []string{command, "-f", file})
				}()
				g.Eventually(reads).WithTimeout(testTimeout).Should(gomega.BeTrue())
				interrupt()
				g.Eventually(ended).WithTimeout(testTimeout).Should(gomega.Receive(gomega.Equal(exitError)))
				g.Expect(errOut.lines()).To(gomega.Equal([]string{"error: interrupted"}))
			})
		}
	}
}

// pendingInput returns a standard input without an end, as a terminal is.
func pendingInput(t *testing.T) (file string, in io.Reader, reads func() bool) {
	t.Helper()
	reader, writer := io.Pipe()
	t.Cleanup(func() { must(t, writer.Close()) })
	var taken atomic.Bool
	go func() {
		_, _ = writer.Write([]byte("#"))
		taken.Store(true)
	}()
	return "-", reader, taken.Load
}

// pendingURL returns the URL of a server that never responds.
func pendingURL(t *testing.T) (file string, in io.Reader, reads func() bool) {
	t.Helper()
	var requested atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requested.Store(true)
		<-r.Context().Done()
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL + "/inventory.yaml", nil, requested.Load
}

// TestCompletionTimeout: all requests of a completion have one deadline.
func TestCompletionTimeout(t *testing.T) {
	for name, args := range map[string][]string{
		"Profiles":   {"list", ""},
		"Clusters":   {"explain", ""},
		"Namespaces": {"list", "-n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			server, requests := silentHub(t)
			var out, errOut screen
			ended := make(chan int, 1)
			go func() {
				line := append(append([]string{"__completeNoDesc", args[0]}, hubFlags(server)...), args[1:]...)
				ended <- run(t.Context(), genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, later, line)
			}()
			g.Eventually(ended).WithTimeout(testTimeout).Should(gomega.Receive(gomega.Equal(0)))
			g.Expect(out.lines()).To(gomega.Equal([]string{":4"}), "there are no completions")
			g.Expect(requests.Load()).To(gomega.BeNumerically("<=", 1), "all requests share the deadline of the first one")
		})
	}
}

// TestNoRequestAfterEnd: a request that is made after the end of its context is not sent at all, whichever goroutine runs first.
func TestNoRequestAfterEnd(t *testing.T) {
	ended, end := context.WithCancelCause(t.Context())
	reason := errors.New("interrupted")
	end(reason)
	var sent int
	next := roundTripper(func(*http.Request) (*http.Response, error) {
		sent++
		return nil, errors.New("sent")
	})
	for range 100 {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://hub.example.com", strings.NewReader("body"))
		if _, err := roundTrip(ended, next, request); !errors.Is(err, reason) { //nolint:bodyclose // there is no response
			t.Fatalf("got %v, want the reason of the end", err)
		}
	}
	if sent > 0 {
		t.Errorf("%d requests were sent", sent)
	}
}

// TestSecondInterruptKills: the second Ctrl-C ends the program even if something cannot be cancelled, such as a login plugin of the hub.
func TestSecondInterruptKills(t *testing.T) {
	g := gomega.NewWithT(t)
	server, _ := silentHub(t)
	dir := t.TempDir()
	login, started, config := filepath.Join(dir, "login"), filepath.Join(dir, "started"), filepath.Join(dir, "config")
	must(t, os.WriteFile(login, fmt.Appendf(nil, "#!/bin/sh\necho $$ >%s.new && mv %s.new %s\nexec sleep "+
		"600\n", started, started, started), 0o700))
	must(t, os.WriteFile(config, fmt.Appendf(nil, `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": [{"name": "c", "cluster": {"server": %q, "insecure-skip-tls-verify": true}}],
		"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
		"users": [{"name": "u", "user": {"exec": {
			"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "interactiveMode": "Never"}}}]}`, server, login), 0o600))

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
	}).WithTimeout(testTimeout).Should(gomega.Succeed())
	defer func() { _ = syscall.Kill(plugin, syscall.SIGKILL) }()

	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	// The program handles the first signal at some time, and any later one is the second.
	var err error
	g.Eventually(func() bool {
		_ = program.Process.Signal(os.Interrupt)
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	}).WithTimeout(testTimeout).WithPolling(20 * time.Millisecond).Should(gomega.BeTrue())
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("want the signal to kill the program, got %v", err)
	}
}
