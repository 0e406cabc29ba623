// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
	"github.com/capi-inventory/capi-inventory/test/output"
)

var (
	pool *apiserver.Pool
	// spoke is shared by all tests: each has a hub of its own, and brokers of different hubs share nothing.
	spoke *apiserver.Server
)

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(2 * time.Minute)
	SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	SetDefaultConsistentlyDuration(500 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	var err error
	if spoke, err = apiserver.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	apiserver.RunOnPool(stopping{m}, 2, func(made *apiserver.Pool) { pool = made })
}

// stopping stops the spoke after the tests.
type stopping struct{ tests *testing.M }

func (s stopping) Run() int {
	code := s.tests.Run()
	if err := spoke.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// stage is a hub with one Cluster, c1, whose spoke is behind a port that can be cut.
type stage struct {
	t    *testing.T
	hub  client.Client
	conf func() *rest.Config
	// spoke sees the spoke as its administrator.
	spoke client.Client
	port  *apiserver.Forwarder
	// namespace is the Cluster's, and its name the publisher class too: so every test has a namespace of its own on the spoke.
	namespace string
	cluster   *clusterv1.Cluster
	inventory *v1alpha1.Inventory
}

func newScheme() client.Options {
	return client.Options{Scheme: hub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme)}
}

// newStage has a hub for the test, an Inventory that asks for access, and a publisher.
func newStage(t *testing.T, access v1alpha1.ServiceAccountAccess) *stage {
	t.Helper()
	t.Parallel()
	server := pool.Take(t)
	s := &stage{t: t, conf: server.Config}
	var err error
	if s.hub, err = client.New(server.Config(), newScheme()); err != nil {
		t.Fatal(err)
	}
	if s.spoke, err = client.New(spoke.Config(), client.Options{}); err != nil {
		t.Fatal(err)
	}
	if s.port, err = spoke.Forward(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.port.Close() })
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	s.create(namespace)
	s.namespace = namespace.Name
	s.inventory = &v1alpha1.Inventory{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "fleet-"},
		Spec: v1alpha1.InventorySpec{
			PublisherClass:    s.namespace,
			NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.namespace}},
			AccessProviders:   []v1alpha1.AccessProvider{{Name: v1alpha1.ProviderKubeconfigSecret, ServiceAccount: &access}},
		},
	}
	s.create(s.inventory)
	t.Cleanup(func() { s.remove(s.inventory) })
	s.startPublisher()
	s.cluster = fixture.Cluster(s.namespace, "c1", fixture.Provisioned("v1.36.3"))
	status := s.cluster.Status
	s.create(s.cluster)
	s.cluster.Status = status
	if err := s.hub.Status().Update(t.Context(), s.cluster); err != nil {
		t.Fatal(err)
	}
	s.create(fixture.KubeconfigSecret(s.namespace, "c1", fixture.Kubeconfig("c1", spoke.Config(), s.port.URL())))
	return s
}

func (s *stage) remove(inventory *v1alpha1.Inventory) {
	ctx := context.Background()
	_ = s.hub.Delete(ctx, inventory)
	_ = s.hub.Patch(ctx, inventory, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))
}

func (s *stage) create(objects ...client.Object) {
	s.t.Helper()
	for _, object := range objects {
		if err := s.hub.Create(s.t.Context(), object); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *stage) startPublisher() {
	s.t.Helper()
	s.start("publisher", s.conf(), ctrl.Options{
		Cache: publisher.CacheOptions(nil, 10*time.Minute), MapperProvider: publisher.NewRESTMapper,
	}, func(mgr ctrl.Manager) error {
		return publisher.Add(mgr, publisher.Options{
			ClusterManager: "cluster-api",
			PublisherClass: s.namespace,
			Concurrency:    4,
			Clock:          clock.RealClock{},
			Metrics:        prometheus.NewRegistry(),
		})
	})
}

// broker is one that runs.
type broker struct {
	stop    func()
	metrics *prometheus.Registry
	logs    *output.Buffer
}

// brokerOption changes how a broker runs.
type brokerOption func(*accessgrant.Options, *rest.Config)

func withClock(clk clock.WithTicker) brokerOption {
	return func(options *accessgrant.Options, _ *rest.Config) { options.Clock = clk }
}

// userAgent is the broker's on spokes.
const userAgent = "broker-under-test"

// startBroker runs a broker until the test ends, or it is stopped.
func (s *stage) startBroker(options ...brokerOption) *broker {
	s.t.Helper()
	config := s.conf()
	made := &broker{metrics: prometheus.NewRegistry()}
	own := accessgrant.Options{
		PublisherClass: s.namespace,
		Concurrency:    4,
		Spokes:         remote.Options{Timeout: time.Minute, AllowLocalServers: true, UserAgent: userAgent},
		PollInterval:   200 * time.Millisecond,
		Clock:          clock.RealClock{},
		Metrics:        made.metrics,
	}
	for _, option := range options {
		option(&own, config)
	}
	made.stop, made.logs = s.start("broker", config, ctrl.Options{
		Cache: accessgrant.CacheOptions(nil), MapperProvider: accessgrant.NewRESTMapper,
	}, func(mgr ctrl.Manager) error { return accessgrant.Add(mgr, own) })
	return made
}

func (s *stage) start(
	name string, config *rest.Config, options ctrl.Options, add func(ctrl.Manager) error,
) (stop func(), written *output.Buffer) {
	s.t.Helper()
	written = &output.Buffer{}
	options.Scheme = newScheme().Scheme
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller = ctrlconfig.Controller{SkipNameValidation: ptr.To(true)}
	options.Logger = zap.New(zap.WriteTo(written))
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := add(mgr); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("the %s ended with %v", name, err)
		}
	})
	s.t.Cleanup(func() {
		stop()
		if s.t.Failed() {
			s.t.Logf("the %s logged:\n%s", name, written)
		}
	})
	return stop, written
}

const grantName = "c1.kubeconfig-secretreader"

// grant returns the AccessGrant of the Cluster; nil if there is none.
func (s *stage) grant() *v1alpha1.AccessGrant {
	of := &v1alpha1.AccessGrant{}
	if !s.get(of, s.namespace, grantName) {
		return nil
	}
	return of
}

// secret returns the Secret of the grant; nil if there is none.
func (s *stage) secret() *corev1.Secret {
	secret := &corev1.Secret{}
	if !s.get(secret, s.namespace, grantName+".access") {
		return nil
	}
	return secret
}

func (s *stage) get(into client.Object, namespace, name string) bool {
	return s.getFrom(s.hub, into, namespace, name)
}

func (s *stage) getFrom(from client.Client, into client.Object, namespace, name string) bool {
	err := from.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: name}, into)
	if err != nil && !apierrors.IsNotFound(err) {
		s.t.Error(err)
	}
	return err == nil
}

// change reads an object of the hub, changes it and writes it. Publisher and broker write it too, its status above all.
func (s *stage) change(g *WithT, object client.Object, change func()) {
	s.t.Helper()
	g.Expect(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := s.hub.Get(s.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		change()
		return s.hub.Update(s.t.Context(), object)
	})).To(Succeed())
}

// condition returns the status and reason of a condition of the grant, as in "True Granted".
func (s *stage) condition(name string) func() string {
	return func() string {
		if of := s.grant(); of != nil {
			return reasonOf(of.Status.Conditions, name)
		}
		return ""
	}
}

// reasonOf returns the status and reason of a condition, as in "True Granted"; empty if it is not there.
func reasonOf(conditions []metav1.Condition, name string) string {
	if found := meta.FindStatusCondition(conditions, name); found != nil {
		return string(found.Status) + " " + found.Reason
	}
	return ""
}

// granted waits until the grant is fulfilled, and returns it.
func (s *stage) granted(g *WithT) *v1alpha1.AccessGrant {
	s.t.Helper()
	g.Eventually(s.condition("Ready")).Should(Equal("True Granted"))
	return s.grant()
}

// touch has the broker look at the grant again, if it is still there.
func (s *stage) touch() {
	s.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"example.com/touched":%q}}}`, time.Now())
	of := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: grantName}}
	err := s.hub.Patch(s.t.Context(), of, client.RawPatch("application/merge-patch+json", []byte(patch)))
	if client.IgnoreNotFound(err) != nil {
		s.t.Error(err)
	}
}
