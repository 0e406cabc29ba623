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

// BenchmarkObserve is the cost of a spoke's probe, from its profile to the observation, on a real API server, which runs in
// a process of its own. Remembered is what every probe costs; Plugin is what the first one costs, and the one after a refusal
// or ten minutes.
func BenchmarkObserve(b *testing.B) {
	providers := filepath.Join(b.TempDir(), "providers.json")
	if err := os.WriteFile(providers, fmt.Appendf(nil, `{"providers": [{"name": "kubeconfig-secretreader", "execConfig": {
		"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "provideClusterInfo": true}}]}`, plugin()), 0o600); err != nil {
		b.Fatal(err)
	}
	loaded, err := access.Load(providers, access.Options{AllowLocalServers: true})
	if err != nil {
		b.Fatal(err)
	}
	observer := &spoke.Checker{
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
		b.Run(map[bool]string{false: "Remembered", true: "Plugin"}[forget], func(b *testing.B) {
			b.ReportAllocs()
			own, children := cpu(b, syscall.RUSAGE_SELF), cpu(b, syscall.RUSAGE_CHILDREN)
			for b.Loop() {
				if forget {
					observer.Forget(types.NamespacedName{Namespace: profile.Namespace, Name: profile.Name})
				}
				if seen := observer.Check(b.Context(), profile); !seen.Reachable() {
					b.Fatal(seen.Failure)
				}
			}
			b.ReportMetric(float64((cpu(b, syscall.RUSAGE_SELF)-own).Microseconds())/float64(b.N), "cpu-µs/probe")
			b.ReportMetric(float64((cpu(b, syscall.RUSAGE_CHILDREN)-children).Microseconds())/float64(b.N), "plugin-cpu-µs/probe")
		})
	}
}

// cpu is the processor time that this process, or its children, have used.
func cpu(b *testing.B, who int) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkFollow is the memory that a spoke takes between its probes, without its profile in the manager's cache.
func BenchmarkFollow(b *testing.B) {
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
		r := newScheduler(wellBehaved(), pace{time.Minute, time.Hour}, 1, clock.RealClock{}, newMetrics())
		for i := range spokes {
			profile.Name = fmt.Sprintf("spoke-%d", i)
			r.track(profile, v1alpha1.SpokeCheckStatus{})
		}
		b.ReportMetric(float64(heap()-before)/spokes, "B/spoke")
		r.due.ShutDown()
	}
}
