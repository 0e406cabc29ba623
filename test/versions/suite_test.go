// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package versions_test runs the project's programs on a hub whose ClusterProfile API is upgraded under them, version by version.
package versions_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
	"github.com/capi-inventory/capi-inventory/test/output"
)

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(3 * time.Minute)
	SetDefaultEventuallyPollingInterval(200 * time.Millisecond)
	os.Exit(m.Run())
}

const module = "github.com/capi-inventory/capi-inventory"

// stage is a hub, which is a spoke of its own, and the programs' binaries.
type stage struct {
	t *testing.T
	*apiserver.Server
	dir string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	server := apiserver.StartHubFor(t)
	s := &stage{t: t, Server: server, dir: t.TempDir()}
	s.build("publisher", module+"/cmd/publisher")
	s.build("broker", module+"/cmd/broker")
	s.build("consumer", module+"/cmd/consumer")
	s.build("kubectl-inventory", module+"/cmd/kubectl-inventory")
	s.build("kubeconfig-secretreader", "sigs.k8s.io/cluster-inventory-api/plugins/kubeconfig-secretreader/cmd/plugin")
	s.write("hub.kubeconfig", fixture.Kubeconfig("hub", server.Config(), ""))
	s.write("providers.json", fmt.Appendf(nil, `{"providers": [{"name": "kubeconfig-secretreader", "execConfig": {
		"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "provideClusterInfo": true}}]}`, s.in("kubeconfig-secretreader")))
	return s
}

func (s *stage) in(file string) string { return filepath.Join(s.dir, file) }

func (s *stage) write(file string, content []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.in(file), content, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) build(name, path string) {
	s.t.Helper()
	if out, err := exec.Command("go", "build", "-o", s.in(name), path).CombinedOutput(); err != nil {
		s.t.Fatalf("building %s: %v\n%s", path, err, out)
	}
}

// client returns a client of the version that the hub serves now.
func (s *stage) client() client.Client {
	s.t.Helper()
	scheme := hub.NewSchemeFor(s.Config(), clientgoscheme.AddToScheme, clusterv1.AddToScheme)
	k8s, err := client.New(s.Config(), client.Options{Scheme: scheme})
	if err != nil {
		s.t.Fatal(err)
	}
	return k8s
}

// create creates objects, whose status is kept.
func (s *stage) create(objects ...client.Object) {
	s.t.Helper()
	k8s := s.client()
	for _, object := range objects {
		status := object.DeepCopyObject().(client.Object)
		if err := k8s.Create(s.t.Context(), object); err != nil {
			s.t.Fatal(err)
		}
		if cluster, ok := status.(*clusterv1.Cluster); ok {
			cluster.ObjectMeta = *object.(*clusterv1.Cluster).ObjectMeta.DeepCopy()
			if err := k8s.Status().Update(s.t.Context(), cluster); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

func (s *stage) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, s.in(name), args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.in("hub.kubeconfig"))
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	return command
}

// program is a process that is started again when it ends, as a Deployment does.
type program struct {
	mu sync.Mutex
	// runs holds what each process has logged.
	runs []*output.Buffer
}

// keepRunning runs a program until the test ends.
func (s *stage) keepRunning(name string, args ...string) *program {
	p := &program{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			command := s.command(ctx, name, append(args, "--leader-elect=false", "--health-addr=0", "--diagnostics-address=0")...)
			log := p.begin()
			command.Stdout, command.Stderr = log, log
			_ = command.Run()
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
		if s.t.Failed() {
			s.t.Logf("%s logged:\n%s", name, strings.Join(p.logs(), "\n--- started again\n"))
		}
	})
	return p
}

func (p *program) begin() *output.Buffer {
	p.mu.Lock()
	defer p.mu.Unlock()
	log := &output.Buffer{}
	p.runs = append(p.runs, log)
	return log
}

// logs returns what each process has logged, the first one first.
func (p *program) logs() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	texts := make([]string, 0, len(p.runs))
	for _, run := range p.runs {
		texts = append(texts, run.String())
	}
	return texts
}
