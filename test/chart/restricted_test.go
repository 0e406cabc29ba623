// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/internal/publish/uninstall"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestRestricted runs the publisher with nothing but the rights that the chart gives it for one namespace, and in the end the
// withdrawal with those of its job.
func TestRestricted(t *testing.T) {
	g := NewWithT(t)
	install(t, `
inventories:
- {name: default, spec: {properties: [{name: replicas.example.com, expression: controlPlane.spec.replicas}]}}
- {name: argocd, spec: {namespace: argocd}}
publisher: {namespaces: [team-a]}
consumer: {enabled: false}
`)
	for _, namespace := range []string{"team-a", "team-b"} {
		createCluster(t, namespace, "london")
	}

	startPublisher(t, "team-a")

	t.Run("may look whether Cluster API and other publishers run", func(t *testing.T) {
		g := NewWithT(t)
		hub, err := client.New(accountOf("capi-inventory-publisher"), client.Options{Scheme: newScheme()})
		g.Expect(err).NotTo(HaveOccurred())
		var leases coordinationv1.LeaseList
		for _, name := range []string{"controller-leader-election-capi", publisher.LeaseName("")} {
			g.Expect(hub.List(t.Context(), &leases, client.MatchingFields{"metadata.name": name})).To(Succeed())
		}
		g.Expect(hub.List(t.Context(), &leases)).To(MatchError(apierrors.IsForbidden, "forbidden"))
	})
	profiles := map[client.ObjectKey]*inventoryv1alpha1.ClusterProfile{
		{Namespace: "team-a", Name: "london"}:         {},
		{Namespace: "argocd", Name: "team-a--london"}: {},
	}
	for key, profile := range profiles {
		g.Eventually(func(g Gomega) {
			g.Expect(k8s.Get(t.Context(), key, profile)).To(Succeed())
			g.Expect(profile.Status.AccessProviders).To(HaveLen(1))
		}).Should(Succeed(), key.String())
	}
	g.Expect(profiles[client.ObjectKey{Namespace: "team-a", Name: "london"}].Status.Properties).To(
		ContainElement(
			inventoryv1alpha1.Property{Name: "replicas.example.com", Value: "3"},
		), "what Clusters refer to may be read where they are")
	var found inventoryv1alpha1.ClusterProfileList
	g.Expect(k8s.List(t.Context(), &found)).To(Succeed())
	g.Expect(found.Items).To(HaveLen(2), "profiles of Clusters in other namespaces")

	t.Run("and may report on a profile where that is", func(t *testing.T) {
		g := NewWithT(t)
		writer, err := client.New(accountOf("capi-inventory-publisher"), client.Options{Scheme: newScheme()})
		g.Expect(err).NotTo(HaveOccurred())
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: "argocd", Verb: "create", Group: "events.k8s.io", Resource: "events",
			},
		}}
		g.Expect(writer.Create(t.Context(), review)).To(Succeed())
		g.Expect(review.Status.Allowed).To(BeTrue())
	})
	t.Run("and says where it may not publish", func(t *testing.T) {
		g := NewWithT(t)
		elsewhere := &v1alpha1.Inventory{
			ObjectMeta: metav1.ObjectMeta{Name: "elsewhere"},
			Spec:       v1alpha1.InventorySpec{Namespace: "monitoring"},
		}
		g.Expect(k8s.Create(t.Context(), elsewhere)).To(Succeed())
		g.Eventually(func() []v1alpha1.InventoryProblem {
			g.Expect(k8s.Get(t.Context(), client.ObjectKeyFromObject(elsewhere), elsewhere)).To(Succeed())
			return elsewhere.Status.Problems
		}).Should(ConsistOf(And(HaveField("Cluster", "team-a/london"), HaveField("Reason", v1alpha1.ProblemWriteRefused),
			HaveField("Message", And(ContainSubstring("forbidden"), ContainSubstring(`"monitoring"`))))))
	})
	t.Run("and withdraws at the end", func(t *testing.T) {
		g := NewWithT(t)
		hub, err := client.New(accountOf("capi-inventory-withdrawal"), client.Options{Scheme: newScheme()})
		g.Expect(err).NotTo(HaveOccurred())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var progress bytes.Buffer
		w := uninstall.Uninstaller{
			Hub: hub, Selector: labels.Everything(), Progress: &progress,
			Lease: client.ObjectKey{Namespace: namespace, Name: "publisher.capi-inventory.dev"},
		}
		g.Expect(w.Run(ctx)).To(Succeed(), progress.String())
		g.Expect(k8s.List(t.Context(), &found)).To(Succeed())
		g.Expect(found.Items).To(BeEmpty())
	})
}

// createCluster creates a Cluster with its control plane and its kubeconfig.
func createCluster(t *testing.T, namespace, name string) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(k8s.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "controlplane.cluster.x-k8s.io/v1beta2", "kind": "KubeadmControlPlane",
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec": map[string]any{
			"replicas": int64(3), "version": "v1.36.3",
			"machineTemplate": map[string]any{"spec": map[string]any{"infrastructureRef": map[string]any{
				"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "DockerMachineTemplate", "name": name,
			}}},
		},
	}})).To(Succeed())
	cluster := fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3"))
	status := cluster.DeepCopy()
	g.Expect(k8s.Create(t.Context(), cluster)).To(Succeed())
	status.ResourceVersion = cluster.ResourceVersion
	g.Expect(k8s.Status().Update(t.Context(), status)).To(Succeed())
	g.Expect(k8s.Create(t.Context(), fixture.KubeconfigSecret(namespace, name, fixture.Kubeconfig(name, hub.Config(), "")))).To(Succeed())
}

// accountOf is a connection as one of the chart's ServiceAccounts.
func accountOf(name string) *rest.Config {
	config := hub.Config()
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":" + name,
		Groups:   []string{"system:serviceaccounts", "system:authenticated"},
	}
	return config
}

// startPublisher runs the publisher as the chart's ServiceAccount until the test ends.
func startPublisher(t *testing.T, namespaces ...string) {
	t.Helper()
	g := NewWithT(t)
	mgr, err := ctrl.NewManager(accountOf("capi-inventory-publisher"), ctrl.Options{
		Scheme:                  newScheme(),
		Cache:                   publisher.CacheOptions(namespaces, 10*time.Minute),
		MapperProvider:          publisher.NewRESTMapper,
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		Controller:              ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
		LeaderElection:          true,
		LeaderElectionID:        "publisher.capi-inventory.dev",
		LeaderElectionNamespace: namespace,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(publisher.Add(mgr, publisher.Options{ClusterManager: "cluster-api", Concurrency: 1, Clock: clock.RealClock{}})).To(Succeed())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		g.Expect(<-done).To(Succeed())
	})
}
