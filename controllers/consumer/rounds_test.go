// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/observe"
)

// TestLanes: with a single worker, a spoke that hangs keeps neither those that work waiting nor one that is slow like
// itself, once its profile says something new.
func TestLanes(t *testing.T) {
	g := gomega.NewWithT(t)
	stub := &script{observe: func(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) observe.Observation {
		server := profile.Status.AccessProviders[0].Cluster.Server
		if server == "https://hangs" {
			<-ctx.Done()
		}
		return observe.Observation{Server: server}
	}}
	r := newRounds(stub, time.Minute, 1, clock.RealClock{}, newMetrics())
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- r.Start(ctx) }()
	go func() {
		// What a controller would do.
		for range r.news {
		}
	}()
	spoke := func(name, server string) *inventoryv1alpha1.ClusterProfile {
		profile := &inventoryv1alpha1.ClusterProfile{}
		profile.Name = name
		profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{offering("p", &rest.Config{Host: server})}
		return profile
	}
	seen := func(profile *inventoryv1alpha1.ClusterProfile) func() string {
		return func() string {
			sighting, _ := r.latest(client.ObjectKeyFromObject(profile))
			return sighting.Server
		}
	}
	r.follow(spoke("hung-at-start", "https://hangs"), true)
	r.follow(spoke("waiting", "https://hangs"), true)
	r.follow(spoke("hangs-now", "https://hangs"), false)
	works := spoke("works", "https://works")
	r.follow(works, false)
	g.Eventually(seen(works)).WithTimeout(5*time.Second).Should(gomega.Equal("https://works"), "the only worker is held by a spoke that hangs")
	mended := spoke("waiting", "https://mended")
	r.follow(mended, false)
	g.Eventually(seen(mended)).WithTimeout(5*time.Second).Should(gomega.Equal("https://mended"), "news queue up behind a spoke that hangs")
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	close(r.news)
}
