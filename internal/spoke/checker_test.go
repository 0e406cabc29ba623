// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spoke_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// TestRefusedCredentialsAreFetchedOnce: a refused credential is fetched again if it was cached, and once: a spoke that refuses
// every credential must not make the plugin run in a loop.
func TestRefusedCredentialsAreFetchedOnce(t *testing.T) {
	dir := t.TempDir()
	runs := filepath.Join(dir, "runs")
	providers := filepath.Join(dir, "providers.json")
	if err := os.WriteFile(
		providers,
		fmt.Appendf(
			nil,
			`{"providers": [{"name": "p", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": `+
				`"sh", "args": ["-c", %q]}}]}`,
			`echo >> `+runs+`; echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", `+
				`"status": {"token": "t"}}'`,
		),
		0o600,
	); err != nil {
		t.Fatal(err)
	}
	loaded, err := access.Load(providers, access.Options{AllowLocalServers: true})
	if err != nil {
		t.Fatal(err)
	}
	var refuses atomic.Bool
	var refusals atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case refuses.Load():
			refusals.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/version":
			_, _ = w.Write([]byte(`{"gitVersion": "v1"}`))
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Namespace, profile.Name = "fleet", "a"
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{{Name: "p", Cluster: clientcmdv1.Cluster{
		Server:                   server.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		TLSServerName:            "elsewhere",
	}}}
	observer := &spoke.Checker{
		Providers: loaded,
		Credentials: &credential.Source{
			Timeout:     10 * time.Second,
			MaxAge:      time.Hour,
			Environment: credential.Inherited(),
			Clock:       clock.RealClock{},
		},
		Prober: &probe.Prober{Timeout: 10 * time.Second, AllowLocalServers: true},
	}
	for _, step := range []struct {
		why                    string
		refuses                bool
		reason                 string
		totalRuns, allRefusals int
	}{
		{why: "the first credential is fetched", reason: v1alpha1.ReasonReachable, totalRuns: 1},
		{why: "and cached", reason: v1alpha1.ReasonReachable, totalRuns: 1},
		{
			why:         "a cached one that is refused is fetched again, and used",
			refuses:     true,
			reason:      v1alpha1.ReasonUnauthorized,
			totalRuns:   2,
			allRefusals: 2,
		},
		{why: "a fresh one that is refused is not", refuses: true, reason: v1alpha1.ReasonUnauthorized, totalRuns: 3, allRefusals: 3},
		{why: "and it is not kept either", reason: v1alpha1.ReasonReachable, totalRuns: 4, allRefusals: 3},
	} {
		refuses.Store(step.refuses)
		seen := observer.Check(t.Context(), profile)
		lines, err := os.ReadFile(runs)
		if err != nil {
			t.Fatal(err)
		}
		if ran := bytes.Count(lines, []byte("\n")); seen.Reason() != step.reason || ran != step.totalRuns ||
			int(refusals.Load()) != step.allRefusals {
			t.Errorf(
				"%s: %s after %d runs and %d refusals, want %s, %d and %d",
				step.why,
				seen.Reason(),
				ran,
				refusals.Load(),
				step.reason,
				step.totalRuns,
				step.allRefusals,
			)
		}
		if !strings.HasSuffix(seen.Message(), "; note: tls-server-name and insecure-skip-tls-verify of the profile were not "+
			"used; --honor-tls-fields would") {
			t.Errorf("a note is lost: %s", seen.Message())
		}
	}
	observer.Forget(types.NamespacedName{Namespace: "fleet", Name: "a"})
	if seen := observer.Check(t.Context(), profile); len(seen.Steps) == 0 || seen.Steps[0].Name != "plugin" {
		t.Errorf("a forgotten spoke's plugin was not run: %v", seen.Steps)
	}
}

// TestPingRunsNoPlugin: a ping runs no plugin, and has the same access as a check.
func TestPingRunsNoPlugin(t *testing.T) {
	dir := t.TempDir()
	runs, providers := filepath.Join(dir, "runs"), filepath.Join(dir, "providers.json")
	if err := os.WriteFile(
		providers,
		fmt.Appendf(
			nil,
			`{"providers": [{"name": "p", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": `+
				`"sh", "args": ["-c", %q]}}]}`,
			`echo >> `+runs,
		),
		0o600,
	); err != nil {
		t.Fatal(err)
	}
	loaded, err := access.Load(providers, access.Options{AllowLocalServers: true})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	observer := &spoke.Checker{Providers: loaded, Prober: &probe.Prober{Timeout: 10 * time.Second, AllowLocalServers: true}}
	profile := &inventoryv1alpha1.ClusterProfile{}
	if seen := observer.Ping(t.Context(), profile); seen.Reason() != v1alpha1.ReasonNoAccessProvider {
		t.Errorf("a profile without access: %s", seen.Reason())
	}
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{{Name: "p", Cluster: clientcmdv1.Cluster{
		Server:                   server.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	}}}
	if seen := observer.Ping(t.Context(), profile); !seen.Reachable() || seen.Provider != "p" ||
		!strings.HasPrefix(seen.Server, server.URL) {
		t.Errorf("a server that answers: %+v", seen)
	}
	server.Close()
	if seen := observer.Ping(t.Context(), profile); seen.Reason() != v1alpha1.ReasonConnectFailed {
		t.Errorf("a server that is gone: %s", seen.Reason())
	}
	if _, err := os.Stat(runs); !os.IsNotExist(err) {
		t.Error("a ping has run the plugin")
	}
}

// TestTokenExpiryIsReported: an opaque token expires when its plugin says so, a JWT as it says itself.
func TestTokenExpiryIsReported(t *testing.T) {
	ends := time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
	// {"exp":1800000000,"iat":1790000000}
	jwt := "e30.eyJleHAiOjE4MDAwMDAwMDAsImlhdCI6MTc5MDAwMDAwMH0.c2ln"
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	for name, tc := range map[string]struct {
		status string
		want   []time.Time
	}{
		"Opaque":       {`{"token": "t", "expirationTimestamp": "2036-01-01T00:00:00Z"}`, []time.Time{ends}},
		"OpaqueSilent": {`{"token": "t"}`, nil},
		"JWT": {
			`{"token": "` + jwt + `", "expirationTimestamp": "2036-01-01T00:00:00Z"}`,
			[]time.Time{time.Unix(1800000000, 0).UTC()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			providers := filepath.Join(t.TempDir(), "providers.json")
			answer := `{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": ` + tc.status + `}`
			if err := os.WriteFile(
				providers,
				fmt.Appendf(
					nil,
					`{"providers": [{"name": "p", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": `+
						`"echo", "args": [%q]}}]}`,
					answer,
				),
				0o600,
			); err != nil {
				t.Fatal(err)
			}
			loaded, err := access.Load(providers, access.Options{AllowLocalServers: true})
			if err != nil {
				t.Fatal(err)
			}
			observer := &spoke.Checker{
				Providers: loaded,
				Credentials: &credential.Source{
					Timeout:     10 * time.Second,
					MaxAge:      time.Hour,
					Environment: credential.Inherited(),
					Clock:       clock.RealClock{},
				},
				Prober: &probe.Prober{Timeout: 10 * time.Second, AllowLocalServers: true},
			}
			profile := &inventoryv1alpha1.ClusterProfile{}
			profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{
				{Name: "p", Cluster: clientcmdv1.Cluster{Server: server.URL}},
			}
			var got []time.Time
			for _, expiration := range observer.Check(t.Context(), profile).Expirations {
				if expiration.What == v1alpha1.ExpiringToken {
					got = append(got, expiration.At.UTC())
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
