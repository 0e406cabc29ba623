// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

const (
	profiles    = "clusterprofiles.multicluster.x-k8s.io"
	inventories = "inventories.capi-inventory.dev"
	spokeChecks = "spokechecks.capi-inventory.dev"
)

// ourCRD is one of the project's own CRDs alone.
func ourCRD(file string) apiserver.CRDs {
	return func(root string) ([]byte, error) { return os.ReadFile(filepath.Join(root, "config/crd/bases", file)) }
}

// gated is a manager with a gate, on an API server that has no CRDs yet.
type gated struct {
	ctrl.Manager
	server  *apiserver.Server
	clock   *clocktesting.FakeClock
	metrics *prometheus.Registry
	// checks are those that the gate has added to the manager's readiness.
	checks map[string]healthz.Checker
	// setups counts the calls of Setup.
	setups atomic.Int32
	// forbidden has the manager ask the API server as a user without any right; refused counts what that user was refused.
	forbidden atomic.Bool
	refused   atomic.Int32
}

func newGated(t *testing.T) *gated {
	t.Helper()
	g := NewWithT(t)
	server := apiserver.StartFor(t)
	m := &gated{
		server:  server,
		clock:   clocktesting.NewFakeClock(time.Now()),
		checks:  map[string]healthz.Checker{},
		metrics: prometheus.NewRegistry(),
	}
	config := server.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) { return m.roundTrip(next, request) })
	})
	var err error
	m.Manager, err = ctrl.NewManager(config, ctrl.Options{Metrics: metricsserver.Options{BindAddress: "0"}, Logger: logr.Discard()})
	g.Expect(err).NotTo(HaveOccurred())
	gate := &hub.Gate{
		Required: []hub.API{
			hub.ClusterProfiles,
			{CRD: inventories, Kind: v1alpha1.SchemeGroupVersion.WithKind("Inventory")},
			{CRD: spokeChecks, Kind: v1alpha1.SchemeGroupVersion.WithKind("SpokeCheck")},
		},
		Setup:   func(context.Context) error { m.setups.Add(1); return nil },
		Clock:   m.clock,
		Metrics: m.metrics,
	}
	g.Expect(gate.AddTo(m)).To(Succeed())
	return m
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func (m *gated) roundTrip(next http.RoundTripper, request *http.Request) (*http.Response, error) {
	if m.forbidden.Load() {
		request = request.Clone(request.Context())
		request.Header.Set("Impersonate-User", "system:anonymous")
	}
	response, err := next.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusForbidden {
		m.refused.Add(1)
	}
	return response, err
}

// AddReadyzCheck implements manager.Manager.
func (m *gated) AddReadyzCheck(name string, check healthz.Checker) error {
	m.checks[name] = check
	return nil
}

// start runs the manager until the test ends, or until the function that it returns is called.
func (m *gated) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.Start(ctx); err != nil {
			t.Errorf("the manager ended with %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// readiness returns why the APIs are not ready, by the names of their CRDs. The gate checks by its clock.
func (m *gated) readiness() map[string]string {
	m.clock.Step(time.Minute)
	why := map[string]string{}
	for name, check := range m.checks {
		if err := check(nil); err != nil {
			why[name] = err.Error()
		}
	}
	return why
}

// laterProfiles is ClusterProfile in a version that does not exist yet.
func laterProfiles(root string) ([]byte, error) {
	crd, err := os.ReadFile(filepath.Join(root, "config/crd/clusterprofile/upstream.yaml"))
	return bytes.ReplaceAll(crd, []byte("name: v1alpha1"), []byte("name: v1")), err
}

// TestGateNamesLaterVersions: an API that is there in another version is not missing.
func TestGateNamesLaterVersions(t *testing.T) {
	g := NewWithT(t)
	m := newGated(t)
	g.Expect(m.server.Install(laterProfiles)).To(Succeed())
	m.start(t)
	g.Eventually(m.readiness, time.Minute).Should(HaveKeyWithValue(profiles, "served as v1 only"))
	g.Expect(m.readiness()).To(HaveKeyWithValue(inventories, "not installed"))
}

// failChecks waits until the gate has checked for the APIs in vain.
func (m *gated) failChecks(g *WithT) {
	m.forbidden.Store(true)
	before := m.refused.Load()
	// The first one may belong to a check that began before.
	g.Eventually(func() int32 {
		m.clock.Step(time.Minute)
		return m.refused.Load()
	}, time.Minute).Should(BeNumerically(">=", before+3))
}

// TestGateWaitsForEachAPI installs one API after the other, two of them in one group. While the API server refuses to say what it
// serves, nothing changes.
func TestGateWaitsForEachAPI(t *testing.T) {
	g := NewWithT(t)
	m := newGated(t)
	starting := map[string]string{profiles: "starting", inventories: "starting", spokeChecks: "starting"}
	g.Expect(m.readiness()).To(Equal(starting))
	m.forbidden.Store(true)
	stop := m.start(t)
	m.failChecks(g)
	g.Expect(m.readiness()).To(Equal(starting), "nothing is known yet")

	missing := map[string]string{profiles: "not installed", inventories: "not installed", spokeChecks: "not installed"}
	m.forbidden.Store(false)
	g.Eventually(m.readiness, time.Minute).Should(Equal(missing))
	for name, crd := range map[string]apiserver.CRDs{
		profiles:    apiserver.ClusterProfiles,
		inventories: ourCRD("capi-inventory.dev_inventories.yaml"),
	} {
		g.Expect(m.server.Install(crd)).To(Succeed())
		delete(missing, name)
		g.Eventually(m.readiness, time.Minute).Should(Equal(missing))
	}
	m.failChecks(g)
	g.Expect(m.server.Install(ourCRD("capi-inventory.dev_spokechecks.yaml"))).To(Succeed())
	m.failChecks(g)
	g.Expect(m.readiness()).To(Equal(missing), "an error says nothing about what is installed")
	g.Expect(m.setups.Load()).To(BeZero())

	m.forbidden.Store(false)
	g.Eventually(m.readiness, time.Minute).Should(BeEmpty())
	g.Eventually(m.setups.Load, time.Minute).ShouldNot(BeZero())
	stop()
	g.Expect(m.setups.Load()).To(BeEquivalentTo(1))
}

// TestGateReportsMissingAPIs: a program that leads but waits for an API must not look healthy, also where the API is deleted later.
func TestGateReportsMissingAPIs(t *testing.T) {
	g := NewWithT(t)
	m := newGated(t)
	g.Expect(m.missing(g)).To(Equal(map[string]float64{profiles: 1, inventories: 1, spokeChecks: 1}), "nothing was found yet")
	g.Expect(m.server.Install(apiserver.ClusterProfiles, ourCRD("capi-inventory.dev_inventories.yaml"))).To(Succeed())
	m.start(t)
	missing := func() map[string]float64 {
		m.clock.Step(time.Minute)
		return m.missing(g)
	}
	g.Eventually(missing, time.Minute).Should(Equal(map[string]float64{profiles: 0, inventories: 0, spokeChecks: 1}))

	g.Expect(m.server.Install(ourCRD("capi-inventory.dev_spokechecks.yaml"))).To(Succeed())
	g.Eventually(missing, time.Minute).Should(HaveKeyWithValue(spokeChecks, 0.0))
	g.Eventually(m.setups.Load, time.Minute).Should(BeEquivalentTo(1))

	hubClient, err := client.New(m.server.Config(), client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	crd := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: inventories}}
	crd.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	g.Expect(hubClient.Delete(t.Context(), crd)).To(Succeed())
	g.Eventually(missing, time.Minute).Should(HaveKeyWithValue(inventories, 1.0))
	g.Expect(m.readiness()).To(Equal(map[string]string{inventories: "not installed"}))

	g.Expect(m.server.Install(ourCRD("capi-inventory.dev_inventories.yaml"))).To(Succeed())
	g.Eventually(m.readiness, time.Minute).Should(BeEmpty())
	g.Expect(m.missing(g)).To(HaveKeyWithValue(inventories, 0.0))
	g.Expect(m.setups.Load()).To(BeEquivalentTo(1), "the watches wait for it by themselves")
}

// missing returns the values of the gauge by the names of CRDs.
func (m *gated) missing(g *WithT) map[string]float64 {
	families, err := m.metrics.Gather()
	g.Expect(err).NotTo(HaveOccurred())
	values := map[string]float64{}
	for _, family := range families {
		g.Expect(family.GetName()).To(Equal("capi_inventory_missing_apis"))
		for _, metric := range family.GetMetric() {
			values[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
		}
	}
	return values
}
