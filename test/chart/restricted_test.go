// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestRestrictedPublisher runs the publisher with nothing but the rights that the chart gives it for one namespace.
func TestRestrictedPublisher(t *testing.T) {
	g := NewWithT(t)
	for _, object := range render(t, `
inventories: [{name: default}, {name: argocd, spec: {namespace: argocd}}]
publisher: {namespaces: [team-a]}
consumer: {enabled: false}
`) {
		if group := object.GroupVersionKind().Group; group == "rbac.authorization.k8s.io" || group == "capi-inventory.dev" || object.GetKind() == "ServiceAccount" {
			g.Expect(k8s.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test"))).To(Succeed())
		}
	}
	for _, namespace := range []string{"team-a", "team-b"} {
		cluster := fixture.Cluster(namespace, "london", fixture.Provisioned("v1.36.3"))
		status := cluster.DeepCopy()
		g.Expect(k8s.Create(t.Context(), cluster)).To(Succeed())
		status.ResourceVersion = cluster.ResourceVersion
		g.Expect(k8s.Status().Update(t.Context(), status)).To(Succeed())
		g.Expect(k8s.Create(t.Context(), fixture.KubeconfigSecret(namespace, "london", fixture.Kubeconfig("london", hub.Config(), "")))).To(Succeed())
	}

	startPublisher(t, "team-a")

	for _, key := range []client.ObjectKey{{Namespace: "team-a", Name: "london"}, {Namespace: "argocd", Name: "team-a-london"}} {
		g.Eventually(func(g Gomega) {
			var profile inventoryv1alpha1.ClusterProfile
			g.Expect(k8s.Get(t.Context(), key, &profile)).To(Succeed())
			g.Expect(profile.Status.AccessProviders).To(HaveLen(1))
		}).Should(Succeed(), key.String())
	}
	var profiles inventoryv1alpha1.ClusterProfileList
	g.Expect(k8s.List(t.Context(), &profiles)).To(Succeed())
	g.Expect(profiles.Items).To(HaveLen(2), "profiles of Clusters in other namespaces")
}

// startPublisher runs the publisher as the chart's ServiceAccount until the test ends.
func startPublisher(t *testing.T, namespaces ...string) {
	t.Helper()
	g := NewWithT(t)
	config := hub.Config()
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":capi-inventory-publisher",
		Groups:   []string{"system:serviceaccounts", "system:authenticated"},
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                  newScheme(),
		Cache:                   publisher.CacheOptions(namespaces, 10*time.Minute),
		MapperProvider:          publisher.NewRESTMapper,
		Metrics:                 metricsserver.Options{BindAddress: "0"},
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
