// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// hub is the one real API server of this package's tests; k8s sees it without a cache.
var (
	hub *apiserver.Server
	k8s client.Client
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	SetDefaultEventuallyTimeout(2 * time.Minute)
	apiserver.RunOnHub(m, func(started *apiserver.Server) (err error) {
		hub = started
		unlimited := hub.Config()
		unlimited.QPS = -1
		k8s, err = client.New(unlimited, client.Options{Scheme: newScheme()})
		return err
	})
}

func newScheme() *runtime.Scheme {
	return clusterhub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme)
}

func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := k8s.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

func lease(namespace string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: "publisher.capi-inventory.dev"}
}

// startPublisher runs a publisher, which leads in the namespace, until the test ends or the returned function is called.
func startPublisher(t *testing.T, namespace string) func() {
	t.Helper()
	mgr, err := ctrl.NewManager(hub.Config(), ctrl.Options{
		Scheme:                        newScheme(),
		Cache:                         publisher.CacheOptions(nil, 10*time.Minute),
		MapperProvider:                publisher.NewRESTMapper,
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		Controller:                    config.Controller{SkipNameValidation: ptr.To(true)},
		LeaderElection:                true,
		LeaderElectionID:              lease(namespace).Name,
		LeaderElectionNamespace:       namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Add(mgr, publisher.Options{ClusterManager: "cluster-api", Concurrency: 4, Clock: clock.RealClock{}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(contextOf(t))
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the publisher ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// publish has one Cluster published by an Inventory of its own, and returns the profile's name. Both are gone when the test
// ends, before the publisher stops.
func publish(t *testing.T, namespace, name string, labels map[string]string) types.NamespacedName {
	t.Helper()
	g := NewWithT(t)
	only := map[string]string{"only": name}
	cluster := fixture.Cluster(namespace, name, fixture.Labels(only))
	g.Expect(k8s.Create(t.Context(), cluster)).To(Succeed())
	inventory := &v1alpha1.Inventory{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       v1alpha1.InventorySpec{ClusterSelector: metav1.LabelSelector{MatchLabels: only}},
	}
	g.Expect(k8s.Create(t.Context(), inventory)).To(Succeed())
	t.Cleanup(func() {
		g.Expect(client.IgnoreNotFound(k8s.Delete(contextOf(t), inventory))).To(Succeed())
		g.Expect(client.IgnoreNotFound(k8s.Delete(contextOf(t), cluster))).To(Succeed())
		unhold(t, inventory)
	})
	key := types.NamespacedName{Namespace: namespace, Name: name}
	g.Eventually(func(g Gomega) {
		g.Expect(k8s.Get(t.Context(), key, &inventoryv1alpha1.ClusterProfile{})).To(Succeed())
		g.Expect(k8s.Get(t.Context(), client.ObjectKeyFromObject(inventory), inventory)).To(Succeed())
		g.Expect(inventory.Finalizers).NotTo(BeEmpty())
	}).Should(Succeed())
	return key
}

// unhold lets an Inventory go although no publisher runs to release it.
func unhold(t *testing.T, inventory *v1alpha1.Inventory) {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	if err := client.IgnoreNotFound(k8s.Patch(contextOf(t), inventory, patch)); err != nil {
		t.Error(err)
	}
}

// contextOf is a context that a clean-up can use too.
func contextOf(t *testing.T) context.Context {
	t.Helper()
	return context.WithoutCancel(t.Context())
}
