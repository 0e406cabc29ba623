// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

// The fleet of BenchmarkFleet: so many spokes of each kind.
const (
	healthySpokes  = 340
	sickSpokes     = 50 // of each of three kinds
	hangingPlugins = 10
)

// BenchmarkFleet is a large fleet in which much is broken in every way that takes time: how soon every spoke is
// classified, and how punctually spokes that work are probed. What waits for what is tested in TestTenantsAreIsolated and
// TestHangingSpokesDelayNoOthers; how long it takes depends on the machine.
func BenchmarkFleet(b *testing.B) {
	const timeout, interval = time.Second, 8 * time.Second
	for range b.N {
		f := newFleet(b)
		hubClient, err := client.New(unlimited(hubServer.Config()), client.Options{Scheme: scheme})
		if err != nil {
			b.Fatal(err)
		}
		f.hub = hubClient
		want := f.populate()
		checker := f.checker(shell("token", `printf '%s' "$1"`, execCredential("t")), shell("hangs", "sleep 1000"))
		checker.Credentials.Timeout, checker.Prober.Timeout = timeout, timeout
		late := &punctuality{Checker: checker, times: map[types.NamespacedName][]time.Time{}}
		started := time.Now()
		stop := f.watch(func(r *Reconciler) { r.Checker, r.Options.Interval, r.Options.Concurrency = late, interval, 16 })
		f.g.Eventually(f.reasons).WithTimeout(10 * interval).WithPolling(250 * time.Millisecond).Should(gomega.Equal(want))
		b.ReportMetric(time.Since(started).Seconds(), "s-to-classify")
		// Another interval or two, to see who is late.
		f.g.Eventually(func() bool { return time.Since(started) > 3*interval }).WithTimeout(20 * interval).Should(gomega.BeTrue())
		longest, _ := late.longestGap("healthy")
		b.ReportMetric(longest.Seconds(), "s-longest-gap")
		stop()
	}
}

func unlimited(config *rest.Config) *rest.Config {
	config.QPS = -1
	return config
}

// populate publishes the fleet, and returns how many spokes there are by reason.
func (f *fleet) populate() map[string]int {
	f.t.Helper()
	healthy, stranger := inProcess(f.t), inProcess(f.t)
	works := &rest.Config{Host: healthy.URL, TLSClientConfig: rest.TLSClientConfig{CAData: certificate(healthy)}}
	wrong := &rest.Config{Host: stranger.URL, TLSClientConfig: rest.TLSClientConfig{CAData: spokeServer.CertificateAuthority()}}
	hangs, refuses := hanging(f.t), refusing(f.t)
	kinds := []struct {
		name, provider, reason string
		config                 *rest.Config
		count                  int
	}{
		{"hangs", "token", v1alpha1.ReasonConnectFailed, hangs, sickSpokes},
		{"refuses", "token", v1alpha1.ReasonConnectFailed, refuses, sickSpokes},
		{"stranger", "token", v1alpha1.ReasonTLSFailed, wrong, sickSpokes},
		{"plugin", "hangs", v1alpha1.ReasonCredentialsFailed, works, hangingPlugins},
		{"healthy", "token", v1alpha1.ReasonReachable, works, healthySpokes},
	}
	reasons := map[string]int{}
	var running sync.WaitGroup
	for _, kind := range kinds {
		reasons[kind.reason] += kind.count
		running.Go(func() {
			for i := range kind.count {
				f.offer(fmt.Sprintf("%s-%d", kind.name, i), offering(kind.provider, kind.config))
			}
		})
	}
	running.Wait()
	return reasons
}

// reasons counts the checks by reason.
func (f *fleet) reasons() map[string]int {
	var list v1alpha1.SpokeCheckList
	if err := f.hub.List(f.t.Context(), &list, client.InNamespace(f.namespace)); err != nil {
		f.t.Fatal(err)
	}
	reasons := map[string]int{}
	for _, check := range list.Items {
		reasons[reachable(check.Status).Reason]++
	}
	return reasons
}

// punctuality records when each spoke was checked.
type punctuality struct {
	Checker
	mu    sync.Mutex
	times map[types.NamespacedName][]time.Time
}

// Check implements Checker.
func (p *punctuality) Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
	p.mu.Lock()
	key := client.ObjectKeyFromObject(profile)
	p.times[key] = append(p.times[key], time.Now())
	p.mu.Unlock()
	return p.Checker.Check(ctx, profile)
}

// longestGap returns the longest time between two checks of one spoke whose name has the prefix, or since its last.
func (p *punctuality) longestGap(prefix string) (longest time.Duration, of string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, times := range p.times {
		if len(key.Name) < len(prefix) || key.Name[:len(prefix)] != prefix {
			continue
		}
		times = append(slices.Clone(times), time.Now())
		for i := range len(times) - 1 {
			if gap := times[i+1].Sub(times[i]); gap > longest {
				longest, of = gap, key.Name
			}
		}
	}
	return longest, cmp.Or(of, "none")
}
