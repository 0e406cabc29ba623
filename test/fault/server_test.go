// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// TestServerFails kills the API server again and again, and freezes its etcd, while everything changes.
func TestServerFails(t *testing.T) {
	if !*full {
		t.Skip("takes minutes: make test-fault")
	}
	s := newStage(t)
	random := newChurn(t, s)
	p := newProgram()
	p.start(t, s, server.Config())
	for range 20 {
		for range 1 + random.IntN(20) {
			random.step(t)
		}
		killServer(t)
		must(t, server.Resume())
		eventually(t, func() []string { return answers(t) })
		p.clock.Step(time.Minute)
	}
	for range 20 {
		random.step(t)
	}
	etcd := child(t, "etcd")
	must(t, etcd.Signal(syscall.SIGSTOP))
	select {
	case <-time.After(30 * time.Second):
	case <-t.Context().Done():
	}
	must(t, etcd.Signal(syscall.SIGCONT))
	eventually(t, func() []string { return answers(t) })
	random.calm(t)
	p.eventually(t, func() []string { return s.audit(t) })
	if found := p.leaks(t); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

// killServer ends the API server with SIGKILL. It is asked to stop first, because only what it has been asked can be resumed.
func killServer(t *testing.T) {
	t.Helper()
	process := child(t, "kube-apiserver")
	paused := make(chan error, 1)
	go func() { paused <- server.Pause() }()
	eventually(t, func() []string {
		if len(ready(t)) == 0 {
			return []string{"the API server has not been asked to stop"}
		}
		return nil
	})
	_ = process.Signal(syscall.SIGKILL)
	must(t, <-paused)
}

// ready returns why the API server is not ready.
func ready(t *testing.T) []string {
	t.Helper()
	client, err := rest.UnversionedRESTClientFor(&rest.Config{
		Host: server.Config().Host, TLSClientConfig: server.Config().TLSClientConfig,
		ContentConfig: rest.ContentConfig{NegotiatedSerializer: scheme.Codecs},
	})
	must(t, err)
	if err := client.Get().AbsPath("/readyz").Do(t.Context()).Error(); err != nil {
		return []string{err.Error()}
	}
	return nil
}

// answers returns why the API server does not work.
func answers(t *testing.T) []string {
	t.Helper()
	probe := &corev1.ConfigMap{}
	probe.Namespace, probe.GenerateName = "default", "probe-"
	if err := hub.Create(t.Context(), probe); err != nil {
		return []string{err.Error()}
	}
	return nil
}

// child returns the process of the name that this one has started.
func child(t *testing.T, name string) *os.Process {
	t.Helper()
	// The kernel cuts names after 15 bytes.
	pids := children(t, os.Getpid())[name[:min(len(name), 15)]]
	if len(pids) == 0 {
		t.Fatalf("no process %s", name)
	}
	process, err := os.FindProcess(pids[0])
	must(t, err)
	return process
}
