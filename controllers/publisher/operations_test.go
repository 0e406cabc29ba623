// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestStandbyTakesOver(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "leaders", v1alpha1.InventorySpec{}, namespace)
	elected := func(_ *publisher.Options, manager *ctrl.Options) {
		manager.LeaderElection, manager.LeaderElectionID, manager.LeaderElectionNamespace = true, "publisher.capi-inventory.dev", namespace
		manager.LeaderElectionReleaseOnCancel = true
	}
	leader := hub.startPublisher(t, elected)
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	hub.published(t, g, namespace, "c1")
	holder := func() string {
		var lease coordinationv1.Lease
		g.Expect(hub.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "publisher.capi-inventory.dev"}, &lease)).To(Succeed())
		return ptr.Deref(lease.Spec.HolderIdentity, "")
	}
	first := holder()
	hub.startPublisher(t, elected)
	leader.stop()
	hub.createCluster(t, fixture.Cluster(namespace, "c2", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c2", "https://10.0.0.2:6443"))
	hub.published(t, g, namespace, "c2")
	g.Expect(holder()).NotTo(Equal(first), "the lead was released, not waited out")
}

// TestLateAPIs starts the publisher on a hub that has nothing yet.
func TestLateAPIs(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	bare := apiserver.StartFor(t)
	health, clock := freeAddress(t), clocktesting.NewFakeClock(time.Now())
	mgr, err := ctrl.NewManager(bare.Config(), ctrl.Options{
		Scheme:                 newScheme(),
		Cache:                  publisher.CacheOptions(nil, time.Hour),
		MapperProvider:         publisher.NewRESTMapper,
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: health,
		Controller:             config.Controller{SkipNameValidation: ptr.To(true)},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(publisher.Add(mgr, publisher.Options{ClusterManager: "cluster-api", Concurrency: 1, Clock: clock})).To(Succeed())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		g.Expect(<-done).To(Succeed())
	})
	readyz := func() (string, error) {
		// It polls for the APIs by its clock.
		clock.Step(5 * time.Second)
		response, err := http.Get("http://" + health + "/readyz?verbose")
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(response.Body)
		return response.Status + " " + string(body), errors.Join(err, response.Body.Close())
	}
	g.Eventually(readyz).
		Should(And(ContainSubstring("500"), ContainSubstring("[-]clusters.cluster.x-k8s.io"),
			ContainSubstring("[-]clusterprofiles.multicluster.x-k8s.io")))

	g.Expect(bare.Install(apiserver.ClusterAPI, apiserver.Ours)).To(Succeed())
	g.Eventually(readyz).Should(And(ContainSubstring("[-]clusterprofiles"), ContainSubstring("[+]clusters")))
	g.Expect(bare.Install(apiserver.ClusterProfiles)).To(Succeed())
	g.Eventually(readyz).Should(ContainSubstring("200 OK"))

	late, err := client.New(bare.Config(), client.Options{Scheme: newScheme()})
	g.Expect(err).NotTo(HaveOccurred())
	everything := named("default", v1alpha1.InventorySpec{})
	g.Expect(late.Create(t.Context(), &everything)).To(Succeed())
	cluster := fixture.Cluster("default", "c1")
	g.Expect(late.Create(t.Context(), cluster)).To(Succeed())
	g.Eventually(func() error {
		return late.Get(t.Context(), keyOf(cluster), &inventoryv1alpha1.ClusterProfile{})
	}).Should(Succeed(), "picked up without a restart")
}

// freeAddress is a loopback address without a listener.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}
