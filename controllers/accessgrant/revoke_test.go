// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// rightsOnSpoke returns the UIDs of the bindings and roles that were made for the grant of a digest.
func (s *stage) rightsOnSpoke(digest string) []types.UID {
	bindings, roles := &rbacv1.ClusterRoleBindingList{}, &rbacv1.ClusterRoleList{}
	labelled := client.MatchingLabels{"capi-inventory.dev/grant": digest}
	for _, list := range []client.ObjectList{bindings, roles} {
		if err := s.spoke.List(context.Background(), list, labelled); err != nil {
			s.t.Error(err)
		}
	}
	var rights []types.UID
	for _, binding := range bindings.Items {
		rights = append(rights, binding.UID)
	}
	for _, role := range roles.Items {
		rights = append(rights, role.UID)
	}
	return rights
}

// stopAsking has the Inventory ask for nothing of the broker.
func (s *stage) stopAsking(g *WithT) {
	s.change(g, s.inventory, func() {
		s.inventory.Spec.AccessProviders = []v1alpha1.AccessProvider{{
			Name: "other", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{},
		}}
	})
}

// TestMakesNothingOnTheSpokeOfALaterCluster has another Cluster take the name of the grant's between the look at the Cluster and the read
// of its kubeconfig. Nothing would revoke what is made on the spoke of that one: the grant goes with its own Cluster.
func TestMakesNothingOnTheSpokeOfALaterCluster(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	g.Eventually(s.grant).ShouldNot(BeNil())
	replace := sync.OnceFunc(func() {
		later := fixture.Cluster(s.namespace, "c1", fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"}))
		g.Expect(s.hub.Delete(t.Context(), s.cluster)).To(Succeed())
		s.create(later)
	})
	s.startBroker(func(_ *accessgrant.Options, config *rest.Config) {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if strings.HasSuffix(request.URL.Path, "/secrets/c1-kubeconfig") {
					replace()
				}
				return next.RoundTrip(request)
			})
		})
	})
	g.Eventually(s.condition("Ready")).Should(Equal("False NotWanted"))
	g.Expect(s.account()).To(BeNil())
}

func TestRevokesWhatIsNoLongerAskedFor(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	s.granted(g)
	secret, account := s.secret(), s.account()
	g.Expect(s.rightsOnSpoke(account.Labels["capi-inventory.dev/grant"])).To(HaveLen(2))

	s.stopAsking(g)
	g.Eventually(s.grant).Should(BeNil())
	g.Expect(s.secret()).To(BeNil())
	g.Expect(s.account()).To(BeNil())
	g.Expect(s.rightsOnSpoke(account.Labels["capi-inventory.dev/grant"])).To(BeEmpty())
	g.Eventually(func() bool { _, err := s.who(secret); return apierrors.IsUnauthorized(err) }).Should(BeTrue(), "no token outlives it")
	namespace := &corev1.Namespace{}
	// No controller deletes namespaces there, but another test may.
	there := s.getFrom(s.spoke, namespace, "", account.Namespace)
	g.Expect(there && namespace.DeletionTimestamp == nil).To(BeFalse(), "no grant of this hub is left")
}

func TestRevocationWaitsForTheSpoke(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	now := clocktesting.NewFakeClock(time.Now())
	running := s.startBroker(withClock(now))
	s.granted(g)
	s.port.Cut(true)

	s.stopAsking(g)
	g.Eventually(s.condition("Degraded")).Should(Equal("True SpokeUnreachable"))
	g.Expect(s.condition("Ready")()).To(Equal("False Revoking"))
	g.Expect(s.secret()).To(BeNil(), "the hub forgets the token at once")
	g.Expect(s.account()).NotTo(BeNil())
	g.Eventually(func() float64 { return valueOf(t, running.metrics, "capi_inventory_broker_revocations_pending") }).
		Should(BeEquivalentTo(1))

	s.port.Cut(false)
	now.Step(10 * time.Minute)
	s.touch()
	g.Eventually(s.grant).Should(BeNil())
	g.Expect(s.account()).To(BeNil())
}

// A broker of another publisher class looks elsewhere on the spoke: it would release what it does not find.
func TestBrokerOfAnotherClassLeavesGrantsAlone(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	own := s.startBroker()
	s.granted(g)
	own.stop()
	other := s.startBroker(func(options *accessgrant.Options, _ *rest.Config) { options.PublisherClass = "other" })
	g.Expect(s.hub.Delete(t.Context(), s.secret())).To(Succeed())
	g.Expect(s.hub.Delete(t.Context(), s.grant())).To(Succeed())
	before := s.grant()

	// A grant of its own shows that it has seen the other one.
	marker := before.DeepCopy()
	marker.ObjectMeta = metav1.ObjectMeta{Namespace: s.namespace, Name: "marker"}
	marker.Spec.PublisherClass = "other"
	s.create(marker)
	g.Eventually(func() bool {
		s.get(marker, s.namespace, "marker")
		return len(marker.Status.Conditions) > 0
	}).Should(BeTrue())
	g.Expect(s.grant()).To(Equal(before))
	g.Expect(s.account()).NotTo(BeNil())
	g.Expect(valueOf(t, other.metrics, "capi_inventory_broker_revocations_pending")).To(BeZero())
	other.stop()

	s.startBroker()
	g.Eventually(func() bool { of := s.grant(); return of == nil || of.UID != before.UID }).Should(BeTrue())
}

func TestClusterThatIsGoneHoldsNoGrant(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	of := s.granted(g)
	s.port.Cut(true)
	g.Expect(s.hub.Delete(t.Context(), s.cluster)).To(Succeed())
	// As the garbage collector does when the profile is gone.
	g.Expect(s.hub.Delete(t.Context(), of)).To(Succeed())
	g.Eventually(s.grant).Should(BeNil())
	g.Expect(s.secret()).To(BeNil())
}

// valueOf returns the value of a metric without labels.
func valueOf(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue() + family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
