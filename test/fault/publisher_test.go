// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	eventsv1 "k8s.io/api/events/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/leaks"
	"github.com/capi-inventory/capi-inventory/test/output"
)

// program is a publisher in this process, which may be stopped and started again. Its clock moves only when it is stepped.
type program struct {
	clock   *clocktesting.FakeClock
	logs    output.Buffer
	metrics *prometheus.Registry
	stop    func()
}

func newProgram() *program {
	return &program{clock: clocktesting.NewFakeClock(time.Now())}
}

// start starts the publisher of a stage, with a connection of its own, until the test ends or stop is called. It watches the namespaces
// of the stage's Clusters, and the others.
func (p *program) start(t tester, s *stage, config *rest.Config, others ...string) {
	t.Helper()
	namespaces := slices.Concat(others, s.clusters[:])
	config.QPS = -1
	p.metrics = prometheus.NewRegistry()
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:         clusterhub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme),
		Cache:          publisher.CacheOptions(namespaces, 10*time.Minute),
		MapperProvider: publisher.NewRESTMapper,
		Metrics:        metricsserver.Options{BindAddress: "0"},
		Controller:     ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
		Logger:         zap.New(zap.WriteTo(&p.logs)),
	})
	must(t, err)
	must(t, publisher.Add(mgr, publisher.Options{
		ClusterManager: s.name,
		PublisherClass: s.name,
		Namespaces:     namespaces,
		Concurrency:    4,
		Clock:          p.clock,
		Metrics:        p.metrics,
		NewQueue:       p.newQueue,
	}))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Logf("the publisher ended with %v", err)
		}
	})
	t.Cleanup(p.stop)
}

// newQueue makes a queue with the publisher's own clock.
func (p *program) newQueue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) publisher.Queue {
	return workqueue.NewTypedRateLimitingQueueWithConfig(limiter,
		workqueue.TypedRateLimitingQueueConfig[reconcile.Request]{Name: name, Clock: p.clock})
}

// leaks returns what the publisher shows that it must not.
func (p *program) leaks(t tester) []string {
	t.Helper()
	metrics, err := leaks.Metrics(p.metrics)
	must(t, err)
	return leaked(t, map[string]string{"the logs": p.logs.String(), "the metrics": metrics})
}

// leaked returns the secrets in all objects that others may read, and in other texts: the token of every kubeconfig that leads nowhere,
// whatever looks like a credential, and the given ones.
func leaked(t tester, texts map[string]string, secrets ...string) []string {
	t.Helper()
	for name, list := range map[string]client.ObjectList{
		"profiles":    &inventoryv1alpha1.ClusterProfileList{},
		"Inventories": &v1alpha1.InventoryList{},
		"SpokeChecks": &v1alpha1.SpokeCheckList{},
		"grants":      &v1alpha1.AccessGrantList{},
		"Events":      &eventsv1.EventList{},
	} {
		must(t, hub.List(t.Context(), list))
		text, err := leaks.JSON(list)
		must(t, err)
		texts[name] = text
	}
	var found []string
	if *full {
		var err error
		found, err = leaks.Scan(t.Context(), filepath.Join("..", ".."), texts)
		must(t, err)
	}
	for where, text := range texts {
		for _, leak := range leaks.Find(text, append(secrets, token)...) {
			found = append(found, fmt.Sprintf("%s contain %s", where, leak))
		}
	}
	return found
}
