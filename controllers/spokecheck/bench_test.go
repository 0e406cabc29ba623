// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// BenchmarkCheck measures a check of a spoke on a real API server, which runs in its own process. Cached is the cost
// of every check; Plugin is the cost of the first one, and of the one after a refusal or ten minutes.
func BenchmarkCheck(b *testing.B) {
	providers := filepath.Join(b.TempDir(), "providers.json")
	if err := os.WriteFile(providers, fmt.Appendf(nil, `{"providers": [{"name": "kubeconfig-secretreader", "execConfig": {
		"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "provideClusterInfo": true}}]}`, plugin()), 0o600); err != nil {
		b.Fatal(err)
	}
	loaded, err := access.Load(providers, access.Options{AllowLocalServers: true})
	if err != nil {
		b.Fatal(err)
	}
	checker := &spoke.Checker{
		Providers: loaded,
		Credentials: &credential.Source{
			Timeout: 10 * time.Second, MaxAge: time.Hour, Clock: clock.RealClock{},
			Environment: append(credential.Inherited(), "KUBECONFIG="+hubKubeconfig()),
		},
		Prober: &probe.Prober{Timeout: 10 * time.Second, AllowLocalServers: true},
	}
	profile := (&fleet{t: b, hub: hubClient, namespace: "default"}).publish("benchmark", spokeServer.Config())
	b.Cleanup(func() { _ = hubClient.Delete(b.Context(), profile) })
	for _, forget := range []bool{false, true} {
		b.Run(map[bool]string{false: "Cached", true: "Plugin"}[forget], func(b *testing.B) {
			b.ReportAllocs()
			own, children := cpu(b, syscall.RUSAGE_SELF), cpu(b, syscall.RUSAGE_CHILDREN)
			for b.Loop() {
				if forget {
					checker.Forget(types.NamespacedName{Namespace: profile.Namespace, Name: profile.Name})
				}
				if seen := checker.Check(b.Context(), profile); !seen.Reachable() {
					b.Fatal(seen.Failure)
				}
			}
			b.ReportMetric(float64((cpu(b, syscall.RUSAGE_SELF)-own).Microseconds())/float64(b.N), "cpu-µs/probe")
			b.ReportMetric(float64((cpu(b, syscall.RUSAGE_CHILDREN)-children).Microseconds())/float64(b.N), "plugin-cpu-µs/probe")
		})
	}
}

// cpu returns the processor time of this process, or of its children.
func cpu(b *testing.B, who int) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkTrack measures the memory of a spoke between its probes, without its profile in the manager's cache.
func BenchmarkTrack(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Namespace = "fleet"
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{offering("kubeconfig-secretreader", spokeServer.Config(),
		"client.authentication.k8s.io/exec", `{"name":"a-kubeconfig","key":"value","namespace":"fleet"}`)}
	const spokes = 10000
	for b.Loop() {
		before := heap()
		r := newScheduler(wellBehaved(), pace{time.Minute, time.Hour}, 1, clock.RealClock{})
		for i := range spokes {
			profile.Name = fmt.Sprintf("spoke-%d", i)
			r.track(profile, v1alpha1.SpokeCheckStatus{})
		}
		b.ReportMetric(float64(heap()-before)/spokes, "B/spoke")
		r.due.ShutDown()
	}
}
