// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/capi-inventory/capi-inventory/test/output"
)

// TestBrokerIsKilled kills the real broker, at writes to the hub and to spokes, while Clusters come, change and go, and Inventories ask
// for other rights.
func TestBrokerIsKilled(t *testing.T) {
	kills := &killer{}
	f := newFleet(t, kills.handle)
	gate := newGateway(t, kills.handle)
	binaries := buildPrograms(t, "publisher", "broker")
	publisherFlags, brokerFlags := f.flags()
	var logs output.Buffer
	publish := func() *process {
		return run(t, &logs, server.Config(), filepath.Join(binaries, "publisher"), publisherFlags...)
	}
	start := func(flags ...string) *process {
		return run(t, &logs, gate.connection(), filepath.Join(binaries, "broker"), append(flags, brokerFlags...)...)
	}
	publishing, running := publish(), start()
	eventually(t, func() []string { return f.audit(t) })
	running.kill()
	for range either(50, 3) {
		running = start()
		kills.aim(running, 1+f.Int64N(12), f.IntN(2) == 0)
		for running.alive() {
			f.step(t)
		}
		must(t, running.failure())
		must(t, publishing.failure())
		kills.at.Store(nil)
		// A publisher that goes on would write what has changed too often after ever longer pauses.
		publishing.kill()
		publishing = publish()
	}
	running = start()
	f.fill(t)
	eventually(t, func() []string { return f.audit(t) })
	// Now the only writes are those of revocations and of changed rights.
	kills.aim(running, 1+f.Int64N(4), f.IntN(2) == 0)
	f.calm(t)
	<-running.ended
	must(t, running.failure())
	kills.at.Store(nil)
	address := freeAddress(t)
	running = start("--insecure-diagnostics", "--diagnostics-address="+address)
	eventually(t, func() []string {
		must(t, publishing.failure())
		must(t, running.failure())
		return f.audit(t)
	})
	f.leaksNothing(t, map[string]string{"the logs": logs.String(), "the metrics": metricsAt(t, address)})
}

// leaksNothing looks for the tokens of the administrator and of all grants.
func (f *fleet) leaksNothing(t *testing.T, texts map[string]string) {
	t.Helper()
	if found := leaked(t, texts, append(f.tokens(t), f.spokes.administrator)...); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

// tokens are those in the Secrets of all grants.
func (f *fleet) tokens(t *testing.T) []string {
	t.Helper()
	seen, err := f.read(t.Context())
	must(t, err)
	var tokens []string
	for key := range f.grants(t) {
		config, err := seen.granted(key)
		must(t, err)
		tokens = append(tokens, config.BearerToken)
	}
	return tokens
}

// freeAddress returns an address at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().String()
}

// metricsAt reads the metrics of a program that serves them to every client.
func metricsAt(t *testing.T, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	text, err := io.ReadAll(response.Body)
	must(t, err)
	must(t, response.Body.Close())
	return string(text)
}
