// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
	"github.com/capi-inventory/capi-inventory/test/output"
)

// hubs is how many API servers these tests share at most.
const hubs = 4

var pool *apiserver.Pool

func TestMain(m *testing.M) {
	// A bound, not an expectation: on a busy machine the next summary of an Inventory may take half a minute.
	SetDefaultEventuallyTimeout(2 * time.Minute)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	SetDefaultConsistentlyDuration(500 * time.Millisecond)
	SetDefaultConsistentlyPollingInterval(20 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	apiserver.RunOnPool(m, hubs, func(made *apiserver.Pool) { pool = made })
}

// testHub is an API server that one test has for itself: a publisher sees all of it. The client sees it without a cache.
type testHub struct {
	*apiserver.Server
	client.Client
}

// freeHub returns a hub until the test ends, and has the test run beside others.
func freeHub(t *testing.T) *testHub {
	t.Helper()
	t.Parallel()
	server := pool.Take(t)
	k8s, err := client.New(server.Config(), client.Options{Scheme: newScheme()})
	if err != nil {
		t.Fatal(err)
	}
	return &testHub{Server: server, Client: k8s}
}

func newScheme() *runtime.Scheme {
	return clusterhub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme)
}

// process is a publisher that runs as the test needs it.
type process struct {
	manager ctrl.Manager
	metrics *prometheus.Registry
	stop    func()
	logs    *output.Buffer
}

type processOption func(*publisher.Options, *ctrl.Options)

// startPublisher runs a publisher until the test ends, or stop is called.
func (hub *testHub) startPublisher(t *testing.T, options ...processOption) *process {
	t.Helper()
	return hub.startPublisherOn(t, hub.Config(), options...)
}

// startPublisherOn runs a publisher with a connection of its own to the hub.
func (hub *testHub) startPublisherOn(t *testing.T, config *rest.Config, options ...processOption) *process {
	t.Helper()
	p := &process{metrics: prometheus.NewRegistry(), logs: &output.Buffer{}}
	own := publisher.Options{ClusterManager: "cluster-api", Concurrency: 4, Clock: clock.RealClock{}, Metrics: p.metrics}
	manager := ctrl.Options{
		Scheme:         newScheme(),
		Cache:          publisher.CacheOptions(nil, 10*time.Minute),
		MapperProvider: publisher.NewRESTMapper,
		Metrics:        metricsserver.Options{BindAddress: "0"},
		Controller:     ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
		Logger:         zap.New(zap.WriteTo(p.logs)),
	}
	for _, option := range options {
		option(&own, &manager)
	}
	mgr, err := ctrl.NewManager(config, manager)
	if err != nil {
		t.Fatal(err)
	}
	p.manager = mgr
	if err := publisher.Add(mgr, own); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the publisher ended with %v", err)
		}
	})
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("the publisher logged:\n%s", p.logs)
		}
	})
	return p
}

// working waits until the publisher has seen what is there and works: what comes now is new to it.
func (p *process) working(g *WithT) {
	g.Eventually(func() int { return strings.Count(p.logs.String(), "Starting workers") }).Should(Equal(3), "all controllers")
}

// newNamespace makes a namespace for one test. Its Clusters are gone when the test ends, before the publisher stops.
func (hub *testHub) newNamespace(t *testing.T, labels map[string]string) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-", Labels: labels}}
	hub.create(t, namespace)
	return namespace.Name
}

// inventory makes an Inventory that selects the Clusters of the given namespaces alone, and removes it in the end.
func (hub *testHub) inventory(t *testing.T, name string, spec v1alpha1.InventorySpec, namespaces ...string) *v1alpha1.Inventory {
	t.Helper()
	spec.NamespaceSelector = metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
		Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: namespaces,
	}}}
	inventory := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	hub.create(t, inventory)
	t.Cleanup(func() { hub.removeInventory(t, name) })
	return inventory
}

// removeInventory removes an Inventory even where no publisher runs any more to release it.
func (hub *testHub) removeInventory(t *testing.T, name string) {
	t.Helper()
	inventory := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := client.IgnoreNotFound(hub.Delete(context.Background(), inventory)); err != nil {
		t.Error(err)
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	if err := client.IgnoreNotFound(hub.Patch(context.Background(), inventory, patch)); err != nil {
		t.Error(err)
	}
}

func (hub *testHub) create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := hub.Create(t.Context(), object, client.FieldOwner("test")); err != nil {
			t.Fatal(err)
		}
	}
}

// createCluster creates a Cluster with its status, and its kubeconfig Secret unless raw is nil, and removes both in the end.
func (hub *testHub) createCluster(t *testing.T, cluster *clusterv1.Cluster, raw []byte) *clusterv1.Cluster {
	t.Helper()
	status := cluster.Status
	hub.create(t, cluster)
	cluster.Status = status
	if err := hub.Status().Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	if raw != nil {
		hub.create(t, fixture.KubeconfigSecret(cluster.Namespace, cluster.Name, raw))
	}
	t.Cleanup(func() {
		if err := client.IgnoreNotFound(hub.Delete(context.Background(), cluster)); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// updateCluster changes a Cluster's metadata and spec, and then its status.
func (hub *testHub) updateCluster(t *testing.T, cluster *clusterv1.Cluster, change fixture.ClusterOption) {
	t.Helper()
	key := client.ObjectKeyFromObject(cluster)
	for _, write := range []func() error{
		func() error { return hub.Update(t.Context(), cluster) },
		func() error { return hub.Status().Update(t.Context(), cluster) },
	} {
		if err := hub.Get(t.Context(), key, cluster); err != nil {
			t.Fatal(err)
		}
		change(cluster)
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
}

// kubeconfig is one as Cluster API writes it, for a server that need not exist.
func (hub *testHub) kubeconfig(name, server string) []byte {
	config := hub.Config()
	config.CertData, config.KeyData, config.BearerToken = nil, nil, secretToken
	return fixture.Kubeconfig(name, config, server)
}

// secretToken is in every kubeconfig of these tests, and must be nowhere else.
const secretToken = "token-that-must-not-leak"

// get reads a profile without a cache; nil where there is none.
func (hub *testHub) get(t *testing.T, namespace, name string) *inventoryv1alpha1.ClusterProfile {
	t.Helper()
	profile := &inventoryv1alpha1.ClusterProfile{}
	err := hub.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: name}, profile)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	} else if err != nil {
		return nil
	}
	return profile
}

// published waits for a profile with an access provider.
func (hub *testHub) published(t *testing.T, g *WithT, namespace, name string) *inventoryv1alpha1.ClusterProfile {
	t.Helper()
	var profile *inventoryv1alpha1.ClusterProfile
	g.Eventually(func(g Gomega) {
		profile = hub.get(t, namespace, name)
		g.Expect(profile).NotTo(BeNil())
		g.Expect(profile.Status.AccessProviders).NotTo(BeEmpty())
	}).Should(Succeed())
	return profile
}

// settled waits for the profile of a healthy Cluster with everything that is known of it: the publisher may see the Secret before the
// Cluster's status, and then writes the profile once more.
func (hub *testHub) settled(t *testing.T, g *WithT, namespace, name string) *inventoryv1alpha1.ClusterProfile {
	t.Helper()
	g.Eventually(func() any { return healthy(hub.published(t, g, namespace, name)) }).
		Should(HaveField("Status", metav1.ConditionTrue))
	return hub.get(t, namespace, name)
}

// server is what a profile's first access provider says to dial; empty where there is none.
func server(profile *inventoryv1alpha1.ClusterProfile) string {
	if profile == nil || len(profile.Status.AccessProviders) == 0 {
		return ""
	}
	return profile.Status.AccessProviders[0].Cluster.Server
}

// eventsOn lists the reasons of the Events about an object.
func (hub *testHub) eventsOn(t *testing.T, object client.Object) []string {
	t.Helper()
	var list eventsv1.EventList
	if err := hub.List(context.Background(), &list, client.InNamespace(object.GetNamespace())); err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, event := range list.Items {
		if event.Regarding.UID == object.GetUID() {
			reasons = append(reasons, event.Reason)
		}
	}
	return reasons
}

func keyOf(object client.Object) client.ObjectKey { return client.ObjectKeyFromObject(object) }

// contextOf is a context that a clean-up can use too.
func contextOf(t *testing.T) context.Context {
	t.Helper()
	return context.WithoutCancel(t.Context())
}

func namespaceNamed(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func unstructuredOf(t *testing.T, raw string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	return object
}
