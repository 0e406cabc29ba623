// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
)

// TestBrokerRestricted runs publisher and broker with nothing but the rights that the chart gives them for one namespace, and reads
// what they publish with those of the consumer. The hub is its own spoke.
func TestBrokerRestricted(t *testing.T) {
	g := NewWithT(t)
	// Nothing fills the aggregated ClusterRole view here.
	install(t, `
access:
  mode: scoped
  serviceAccount: {rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]}
publisher: {namespaces: [team-b]}
inventories: [{name: scoped}]
`)
	createCluster(t, "team-b", "oslo")
	t.Cleanup(func() {
		oslo := metav1.ObjectMeta{Namespace: "team-b", Name: "oslo"}
		g.Expect(k8s.Delete(context.Background(), &clusterv1.Cluster{ObjectMeta: oslo})).To(Succeed())
	})
	startPublisher(t, "team-b")
	startBroker(t)

	key := client.ObjectKey{Namespace: namespace, Name: "team-b--oslo.kubeconfig-secretreader"}
	grant, profile := &v1alpha1.AccessGrant{}, &inventoryv1alpha1.ClusterProfile{}
	g.Eventually(func(g Gomega) {
		g.Expect(k8s.Get(t.Context(), key, grant)).To(Succeed())
		g.Expect(meta.IsStatusConditionTrue(grant.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue(), "%+v", grant.Status)
		g.Expect(k8s.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "team-b--oslo"}, profile)).To(Succeed())
		g.Expect(profile.Status.AccessProviders).To(HaveLen(1))
	}).Should(Succeed())

	t.Run("the consumer reads the granted Secret and no administrator's", func(t *testing.T) {
		g := NewWithT(t)
		consumer, err := client.New(accountOf("capi-inventory-consumer"), client.Options{Scheme: newScheme()})
		g.Expect(err).NotTo(HaveOccurred())
		secret := &corev1.Secret{}
		g.Expect(consumer.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: grant.Status.Secret.Name}, secret)).To(Succeed())
		administrators := client.ObjectKey{Namespace: "team-b", Name: "oslo-kubeconfig"}
		g.Expect(consumer.Get(t.Context(), administrators, &corev1.Secret{})).To(MatchError(apierrors.IsForbidden, "forbidden"))

		config, err := clientcmd.RESTConfigFromKubeConfig(secret.Data[grant.Status.Secret.Key])
		g.Expect(err).NotTo(HaveOccurred())
		spoke, err := client.New(config, client.Options{})
		g.Expect(err).NotTo(HaveOccurred())
		g.Eventually(func() error { return spoke.List(t.Context(), &corev1.PodList{}) }).Should(Succeed())
		g.Expect(spoke.List(t.Context(), &corev1.SecretList{})).To(MatchError(apierrors.IsForbidden, "forbidden"))
	})
	t.Run("and the access is revoked with the Inventory", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(k8s.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "scoped"}})).To(Succeed())
		g.Eventually(func() error { return k8s.Get(t.Context(), client.ObjectKeyFromObject(profile), profile) }).
			Should(MatchError(apierrors.IsNotFound, "not found"))
		// There is no garbage collector.
		g.Expect(k8s.Delete(t.Context(), grant)).To(Succeed())
		g.Eventually(func() error { return k8s.Get(t.Context(), key, grant) }).Should(MatchError(apierrors.IsNotFound, "not found"))
		secret := client.ObjectKey{Namespace: namespace, Name: grant.Status.Secret.Name}
		g.Expect(k8s.Get(t.Context(), secret, &corev1.Secret{})).To(MatchError(apierrors.IsNotFound, "not found"))
	})
}

// install applies the roles, ServiceAccounts and Inventories of the chart until the test ends.
func install(t *testing.T, values string) {
	t.Helper()
	g := NewWithT(t)
	for _, object := range render(t, values, onHub(t)...) {
		switch group := object.GroupVersionKind().Group; {
		case group == "rbac.authorization.k8s.io", group == "capi-inventory.dev", object.GetKind() == "ServiceAccount":
			applied := client.ApplyConfigurationFromUnstructured(object.DeepCopy())
			g.Expect(k8s.Apply(t.Context(), applied, client.FieldOwner("test"))).To(Succeed())
			t.Cleanup(func() { remove(t, object) })
		}
	}
}

func remove(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	if err := client.IgnoreNotFound(k8s.Delete(context.Background(), object)); err != nil {
		t.Error(err)
	}
}

// startBroker runs the broker as the chart's ServiceAccount until the test ends.
func startBroker(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	mgr, err := ctrl.NewManager(accountOf("capi-inventory-broker"), ctrl.Options{
		Scheme:                  newScheme(),
		Cache:                   accessgrant.CacheOptions([]string{namespace}),
		MapperProvider:          accessgrant.NewRESTMapper,
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		LeaderElection:          true,
		LeaderElectionID:        "capi-inventory-broker",
		LeaderElectionNamespace: namespace,
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(accessgrant.Add(mgr, accessgrant.Options{
		Concurrency: 2, Clock: clock.RealClock{}, Metrics: prometheus.NewRegistry(),
		Spokes: remote.Options{Timeout: time.Minute, AllowLocalServers: true, UserAgent: "test"},
	})).To(Succeed())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		g.Expect(<-done).To(Succeed())
	})
}
