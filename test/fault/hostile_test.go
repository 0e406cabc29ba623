// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"bytes"
	"cmp"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestHostileSpokes has a real consumer check spokes by the hundred that do all to keep it, or to fill its memory, and plugins that do. The
// honest spokes among them are reached meanwhile, also those that come later, and afterwards the consumer has no more of the machine than
// before.
func TestHostileSpokes(t *testing.T) {
	c := newConsumer(t)
	c.providers = hostileProviders(t, c.providers)
	metrics := freeAddress(t)
	running := run(t, &c.logs, server.Config(), c.binary, "--clusterprofile-provider-file", c.providers, "--allow-local-servers",
		"--leader-elect=false", "--timeout=2s", "--interval=2s", "--namespace", c.shared, "--name", c.name,
		"--insecure-diagnostics", "--diagnostics-address", metrics)
	spokes := map[string]string{}
	c.publish(t, "honest", either(20, 3), c.honest(), spokes)
	c.reported(t, running, spokes)
	before := running.usage(t, metrics)

	for name, access := range c.hostile(t) {
		c.publish(t, name, either(50, 2), access, spokes)
	}
	c.reported(t, running, spokes)
	c.publish(t, "late", either(20, 3), c.honest(), spokes)
	c.reported(t, running, spokes)
	peak := statusOf(t, running.command.Process.Pid, "VmHWM")
	t.Logf("before: %+v, beside hostile spokes: %+v, of memory at most %d", before, running.usage(t, metrics), peak)
	if peak > 2*before.memory {
		t.Errorf("hostile spokes filled its memory: %d KiB at most instead of %d", peak, before.memory)
	}

	for name, reason := range spokes {
		if reason != v1alpha1.ReasonReachable {
			profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: c.shared, Name: name}}
			must(t, hub.Delete(t.Context(), profile))
		}
	}
	eventually(t, func() []string {
		must(t, running.failure())
		return running.usage(t, metrics).exceeds(before)
	})
	if found := leaked(t, map[string]string{"the logs": c.logs.String()}); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

// hostileProviders returns a provider file with those of another one, and with plugins that are hostile.
func hostileProviders(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	must(t, err)
	for name, script := range map[string]string{
		"forks":  `for i in 1 2 3; do (trap "" HUP TERM; setsid sleep 1000) & done; sleep 1000`,
		"floods": `exec yes`,
	} {
		plugin := fmt.Sprintf(`{"name": %q, "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
			"args": ["-c", %q]}}, `, name, script)
		raw = bytes.Replace(raw, []byte(`[`), []byte(`[`+plugin), 1)
	}
	hostile := filepath.Join(t.TempDir(), "providers.json")
	must(t, os.WriteFile(hostile, raw, 0o600))
	return hostile
}

// honest is the access of a spoke that answers.
func (c *consumer) honest() inventoryv1alpha1.AccessProvider {
	return inventoryv1alpha1.AccessProvider{Name: "kubeconfig-secretreader", Cluster: c.hubAsSpoke()}
}

// found is how the consumer reports a hostile spoke: what its server or its plugin does has been seen, not something before that.
var found = map[string]string{
	"silent":    v1alpha1.ReasonConnectFailed,
	"garbage":   v1alpha1.ReasonTLSFailed,
	"forks":     v1alpha1.ReasonCredentialsFailed,
	"floods":    v1alpha1.ReasonCredentialsFailed,
	"hangs":     v1alpha1.ReasonNotReady,
	"endless":   v1alpha1.ReasonNotReady,
	"redirects": v1alpha1.ReasonNotReady,
	"headers":   v1alpha1.ReasonNotReady,
}

// hostile are accesses of which none works, by what is hostile: the keys of found.
func (c *consumer) hostile(t *testing.T) map[string]inventoryv1alpha1.AccessProvider {
	t.Helper()
	at := func(server string, authority []byte) inventoryv1alpha1.AccessProvider {
		access := c.honest()
		access.Cluster.Server, access.Cluster.CertificateAuthorityData = server, authority
		return access
	}
	accesses := map[string]inventoryv1alpha1.AccessProvider{
		"silent":  at("https://"+listen(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }), nil),
		"garbage": at("https://"+listen(t, func(conn net.Conn) { _, _ = io.Copy(conn, zeros{}) }), nil),
		"forks":   {Name: "forks", Cluster: c.hubAsSpoke()},
		"floods":  {Name: "floods", Cluster: c.hubAsSpoke()},
	}
	for name, answer := range map[string]http.HandlerFunc{
		"hangs":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"endless": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, zeros{}) },
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"/more", http.StatusFound)
		},
		"headers": func(w http.ResponseWriter, _ *http.Request) {
			for n := range 1000 {
				w.Header().Set(fmt.Sprintf("X-%d", n), strings.Repeat("x", 1000))
			}
		},
	} {
		server := httptest.NewUnstartedServer(answer)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(func() {
			server.CloseClientConnections()
			server.Close()
		})
		accesses[name] = at(server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	}
	return accesses
}

// zeros is an endless reader.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// listen opens a port whose connections are handled until the test ends, and returns its address.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// publish creates so many profiles with an access, and adds how they should be reported to the spokes, by name.
func (c *consumer) publish(
	t *testing.T, prefix string, number int, access inventoryv1alpha1.AccessProvider, spokes map[string]string,
) {
	t.Helper()
	for n := range number {
		profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{
			Namespace: c.shared, Name: fmt.Sprintf("%s-%d", prefix, n),
		}}
		profile.Spec.ClusterManager.Name = c.name
		must(t, hub.Create(t.Context(), profile))
		profile.Status.Conditions = []metav1.Condition{}
		profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{access}
		must(t, hub.Status().Update(t.Context(), profile))
		spokes[profile.Name] = cmp.Or(found[prefix], v1alpha1.ReasonReachable)
	}
}

// reported waits until each spoke has been reported as it should be. A spoke that is slow may be reported otherwise the next time.
func (c *consumer) reported(t *testing.T, running *process, spokes map[string]string) {
	t.Helper()
	missing := maps.Clone(spokes)
	eventually(t, func() []string {
		must(t, running.failure())
		var checks v1alpha1.SpokeCheckList
		must(t, hub.List(t.Context(), &checks, client.InNamespace(c.shared)))
		var faults []string
		for _, check := range checks.Items {
			reachable := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionReachable)
			want, isMissing := missing[check.Name]
			switch {
			case reachable == nil || !isMissing:
			case reachable.Reason == want:
				delete(missing, check.Name)
			default:
				faults = append(faults, fmt.Sprintf("%s: %s, and not %s: %s", check.Name, reachable.Reason, want, reachable.Message))
			}
		}
		if len(missing) > 0 {
			faults = append(faults, fmt.Sprintf("%d spokes of %d have not been reported as they should be", len(missing), len(spokes)))
		}
		return faults
	})
}
