// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// fleetSize is the number of profiles that the page shows in the benchmark, and pause is the program's least time between two updates.
const (
	fleetSize = 10_000
	pause     = 250 * time.Millisecond
)

// BenchmarkPage measures the page of 10,000 profiles in a real browser: from the request to the first picture with all tiles, and from
// a write on the hub to the changed tile, when the last update is longer ago than the pause between two.
func BenchmarkPage(b *testing.B) {
	namespace := newNamespace(b)
	fillFleet(b, namespace)
	browser := startBrowser(b)
	d := serve(b, env.hub.Config(), namespace, func(o *Options) { o.Batch = pause })
	warm := view(b, d)
	eventually(b).Eventually(func() int { return len(warm.states()) }).Should(gomega.Equal(fleetSize))

	var first, update time.Duration
	rounds := 0
	for b.Loop() {
		begin := time.Now()
		browser.run(chromedp.Navigate(d.URL()))
		browser.until(shown(fleetSize))
		first += time.Since(begin)

		changed := newProfile(b, namespace, fmt.Sprintf("new-%d", rounds))
		browser.until(is(namespace, changed.Name, "fine"))
		<-time.After(2 * pause)
		changed.Status.Conditions[0].Status = metav1.ConditionFalse
		begin = time.Now()
		must(b, env.k8s.Status().Update(b.Context(), changed))
		browser.until(is(namespace, changed.Name, "unhealthy"))
		update += time.Since(begin)
		must(b, env.k8s.Delete(b.Context(), changed))
		browser.until(shown(fleetSize))
		rounds++
	}
	b.ReportMetric(float64(first.Milliseconds())/float64(rounds), "ms/first-picture")
	b.ReportMetric(float64(update.Milliseconds())/float64(rounds), "ms/update")
}

// fillFleet creates the profiles, several at once.
func fillFleet(b *testing.B, namespace string) {
	b.Helper()
	var creations errgroup.Group
	creations.SetLimit(16)
	for i := range fleetSize {
		creations.Go(func() error {
			p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("c-%05d", i)}}
			p.Spec.ClusterManager.Name = "test"
			return env.k8s.Create(b.Context(), p)
		})
	}
	must(b, creations.Wait())
}
