// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

const broker = "capi-inventory-broker"

// scopedAccess is an Inventory with one access provider, of a ServiceAccount.
func scopedAccess() v1alpha1.InventorySpec {
	return v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{scopedTo("reader", nil)}}
}

// grant reads an AccessGrant without a cache; nil where there is none.
func (hub *testHub) grant(t *testing.T, namespace, name string) *v1alpha1.AccessGrant {
	t.Helper()
	grant := &v1alpha1.AccessGrant{}
	err := hub.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: name}, grant)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	} else if err != nil {
		return nil
	}
	return grant
}

// asked waits for an AccessGrant.
func (hub *testHub) asked(t *testing.T, g *WithT, namespace, name string) *v1alpha1.AccessGrant {
	t.Helper()
	g.Eventually(func() any { return hub.grant(t, namespace, name) }).ShouldNot(BeNil())
	return hub.grant(t, namespace, name)
}

// grantAccess plays the broker's part: the access is proven at the endpoint that the grant names. change is what else the broker
// says.
func (hub *testHub) grantAccess(t *testing.T, grant *v1alpha1.AccessGrant, change ...func(*v1alpha1.AccessGrantStatus)) {
	t.Helper()
	condition := func(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, LastTransitionTime: metav1.Now()}
	}
	status := v1alpha1.AccessGrantStatus{
		ObservedGeneration: grant.Generation,
		Conditions: []metav1.Condition{
			condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonGranted),
			condition(v1alpha1.ConditionDegraded, metav1.ConditionFalse, v1alpha1.ReasonAsExpected),
		},
		User: "system:serviceaccount:capi-inventory-x:" + grant.Name,
		Secret: &v1alpha1.GrantedSecret{
			Name: profile.GrantedSecretName(grant.Name), Key: profile.GrantedSecretKey, ResourceVersion: "1",
		},
		Endpoint:            grant.Spec.Endpoint,
		ExpirationTimestamp: metav1.NewTime(time.Now().Add(24 * time.Hour)),
	}
	for _, change := range change {
		change(&status)
	}
	raw, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		t.Fatal(err)
	}
	target := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: grant.Namespace, Name: grant.Name}}
	if err := hub.Status().Patch(t.Context(), target, client.RawPatch(types.MergePatchType, raw), client.FieldOwner(broker)); err != nil {
		t.Fatal(err)
	}
}

// reference is what a profile's first access provider gives the plugin; empty where there is none.
func reference(p *inventoryv1alpha1.ClusterProfile) string {
	if p == nil || len(p.Status.AccessProviders) == 0 || len(p.Status.AccessProviders[0].Cluster.Extensions) == 0 {
		return ""
	}
	return string(p.Status.AccessProviders[0].Cluster.Extensions[0].Extension.Raw)
}

func grantedReference(namespace string) string {
	return `{"key":"value","name":"c1.reader.access","namespace":"` + namespace + `"}`
}

func administratorsReference(namespace string) string {
	return `{"key":"value","name":"c1-kubeconfig","namespace":"` + namespace + `"}`
}

// createC1 creates the Cluster of these tests, whose kubeconfig names the server.
func (hub *testHub) createC1(t *testing.T, namespace, server string) *clusterv1.Cluster {
	t.Helper()
	return hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", server))
}

// TestScopedAccess follows an access from the request for it to its end.
func TestScopedAccess(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	var refused atomic.Bool
	hub.inventory(t, "scoped", scopedAccess(), namespace)
	running := hub.startPublisherOn(t, hub.refusingStatuses(&refused))
	cluster := hub.createC1(t, namespace, "https://10.0.0.1:6443")

	grant := hub.asked(t, g, namespace, "c1.reader")
	p := hub.get(t, namespace, "c1")
	g.Expect(grant.OwnerReferences).To(ConsistOf(metav1.OwnerReference{
		APIVersion: "multicluster.x-k8s.io/v1alpha1", Kind: "ClusterProfile", Name: "c1", UID: p.UID,
	}))
	g.Expect(grant.Spec).To(And(
		HaveField("Inventory", "scoped"), HaveField("Provider", "reader"), HaveField("Profile", "c1"),
		HaveField("Cluster", v1alpha1.GrantedCluster{Namespace: namespace, Name: "c1", UID: string(cluster.UID)}),
		HaveField("ServiceAccount.ClusterRoles", ConsistOf("view")), HaveField("ServiceAccount.TokenTTL.Duration", 24*time.Hour),
		HaveField("Endpoint", HavePrefix("sha256:")),
	))
	g.Consistently(func() any { return hub.get(t, namespace, "c1").Status.AccessProviders }).Should(BeEmpty(), "nothing is proven")
	g.Expect(joined(hub.get(t, namespace, "c1")).Message).To(ContainSubstring("waits for a broker"))

	hub.grantAccess(t, grant)
	g.Eventually(func() string { return reference(hub.get(t, namespace, "c1")) }).Should(Equal(grantedReference(namespace)))
	g.Expect(server(hub.get(t, namespace, "c1"))).To(Equal("https://10.0.0.1:6443"))
	advertised := func() string {
		p := hub.get(t, namespace, "c1")
		return server(p) + " " + reference(p)
	}

	rotated := fixture.KubeconfigSecret(namespace, "c1", hub.kubeconfig("c1", "https://10.0.0.2:6443"))
	g.Expect(hub.Update(t.Context(), rotated)).To(Succeed())
	g.Eventually(func() string { return hub.grant(t, namespace, "c1.reader").Spec.Endpoint }).ShouldNot(Equal(grant.Spec.Endpoint))
	g.Eventually(func() string { return joined(hub.get(t, namespace, "c1")).Message }).Should(ContainSubstring("waits for its proof"))
	g.Consistently(advertised).Should(Equal("https://10.0.0.1:6443 " + grantedReference(namespace)))
	hub.grantAccess(t, hub.grant(t, namespace, "c1.reader"))
	g.Eventually(advertised).Should(Equal("https://10.0.0.2:6443 " + grantedReference(namespace)))

	hub.patchInventory(t, "scoped", `{"spec":{"accessProviders":[{"name":"reader","serviceAccount":{"clusterRoles":["edit"]}}]}}`)
	g.Eventually(func() []string { return hub.grant(t, namespace, "c1.reader").Spec.ServiceAccount.ClusterRoles }).
		Should(ConsistOf("edit"))
	g.Expect(hub.grant(t, namespace, "c1.reader").UID).To(Equal(grant.UID))
	g.Consistently(advertised).Should(Equal("https://10.0.0.2:6443 " + grantedReference(namespace)))

	// The profile loses the access first, and then the grant is deleted.
	refused.Store(true)
	hub.patchInventory(t, "scoped", `{"spec":{"accessProviders":[{"name":"other","exec":{}}]}}`)
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "scoped").Status.Problems }).
		Should(ContainElement(HaveField("Message", ContainSubstring("no status today"))))
	g.Expect(hub.grant(t, namespace, "c1.reader").DeletionTimestamp).To(BeNil())
	refused.Store(false)
	g.Eventually(func() any { return hub.grant(t, namespace, "c1.reader") }).Should(BeNil())
	g.Expect(hub.get(t, namespace, "c1").Status.AccessProviders).To(ConsistOf(HaveField("Name", "other")))
	g.Expect(metric(t, running, "capi_inventory_writes_total", map[string]string{"kind": "revocation", "result": "success"})).
		To(BeEquivalentTo(1))
}

// refusingStatuses is a connection on which no status of a profile can be written while refused is set.
func (hub *testHub) refusingStatuses(refused *atomic.Bool) *rest.Config {
	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			path := request.URL.Path
			if refused.Load() && request.Method == http.MethodPatch && strings.Contains(path, "/clusterprofiles/") &&
				strings.HasSuffix(path, "/status") {
				return nil, errors.New("no status today")
			}
			return next.RoundTrip(request)
		})
	})
	return config
}

// TestAdministratorsAccessStaysUntilItIsReplaced: an Inventory that changes over to scoped access takes no working access away
// before; the way back needs nobody.
func TestAdministratorsAccessStaysUntilItIsReplaced(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "changes-over", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{
		{Name: "reader", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
	}}, namespace)
	hub.startPublisher(t)
	hub.createC1(t, namespace, "https://10.0.0.1:6443")
	advertised := func() string { return reference(hub.get(t, namespace, "c1")) }
	g.Eventually(advertised).Should(MatchJSON(administratorsReference(namespace)))

	hub.patchInventory(t, "changes-over",
		`{"spec":{"accessProviders":[{"name":"reader","serviceAccount":{"clusterRoles":["view"]}}]}}`)
	grant := hub.asked(t, g, namespace, "c1.reader")
	g.Eventually(func() string { return joined(hub.get(t, namespace, "c1")).Message }).
		Should(And(HavePrefix("The access published before stays"), ContainSubstring("waits for a broker")))
	g.Consistently(advertised).Should(MatchJSON(administratorsReference(namespace)))
	hub.grantAccess(t, grant)
	g.Eventually(advertised).Should(MatchJSON(grantedReference(namespace)))

	hub.patchInventory(t, "changes-over", `{"spec":{"accessProviders":[{"name":"reader","kubeconfigSecret":{}}]}}`)
	g.Eventually(advertised).Should(MatchJSON(administratorsReference(namespace)))
	g.Eventually(func() any { return hub.grant(t, namespace, "c1.reader") }).Should(BeNil())
}

// TestAwaitedAccessIsReported: a grant without an answer is a Problem after a minute, and so is one whose token has expired.
func TestAwaitedAccessIsReported(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	clock := clocktesting.NewFakeClock(time.Now())
	hub.inventory(t, "awaited", scopedAccess(), namespace)
	hub.startPublisher(t, withClock(clock))
	hub.createC1(t, namespace, "https://10.0.0.1:6443")
	problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "awaited").Status.Problems }
	reported := func(message string) gomegatypes.GomegaMatcher {
		return ConsistOf(And(HaveField("Reason", v1alpha1.ProblemAccessNotGranted), HaveField("Message", ContainSubstring(message))))
	}
	grant := hub.asked(t, g, namespace, "c1.reader")
	g.Eventually(func() string { return joined(hub.get(t, namespace, "c1")).Message }).Should(ContainSubstring("waits for a broker"))
	g.Eventually(func() *metav1.Condition { return hub.ready(t, "awaited") }).Should(HaveField("Status", metav1.ConditionTrue))
	g.Consistently(problems).Should(BeEmpty(), "a broker needs a moment")
	g.Eventually(func() any {
		clock.Step(profile.BrokerTimeout)
		return problems()
	}).Should(reported("waits for a broker"))

	hub.grantAccess(t, grant, func(s *v1alpha1.AccessGrantStatus) {
		s.ExpirationTimestamp = metav1.NewTime(clock.Now().Add(24 * time.Hour))
	})
	g.Eventually(func() string { return reference(hub.get(t, namespace, "c1")) }).Should(MatchJSON(grantedReference(namespace)))
	g.Eventually(problems).Should(BeEmpty())
	g.Eventually(func() any {
		clock.Step(24 * time.Hour)
		return problems()
	}).Should(reported("has expired"))
	g.Expect(reference(hub.get(t, namespace, "c1"))).To(MatchJSON(grantedReference(namespace)), "there is nothing better")
}

// TestScopedAccessAtRest: with grants, too, nothing is written when nothing changed, by two publishers and after a restart.
func TestScopedAccessAtRest(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "at-rest", scopedAccess(), namespace)
	// Of this one, too, a pass reconciles every Cluster.
	hub.inventory(t, "beside", v1alpha1.InventorySpec{Namespace: hub.newNamespace(t, nil)}, namespace)
	first := hub.startPublisher(t, watching("a"))
	hub.startPublisher(t, watching("b"))
	versions := func() map[string]string {
		seen := map[string]string{}
		for _, name := range []string{"a", "b"} {
			seen["profile "+name] = hub.get(t, namespace, name).ResourceVersion
			seen["grant "+name] = hub.grant(t, namespace, name+".reader").ResourceVersion
		}
		return seen
	}
	for _, name := range []string{"a", "b"} {
		cluster := fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3"),
			fixture.Labels(map[string]string{clusterv1.WatchLabel: name}))
		hub.createCluster(t, cluster, hub.kubeconfig(name, "https://"+name+":6443"))
		hub.grantAccess(t, hub.asked(t, g, namespace, name+".reader"))
		hub.published(t, g, namespace, name)
	}
	hub.atRest(t, g, namespace, map[string]int{"beside": 2})

	before := versions()
	first.stop()
	second := hub.startPublisher(t, watching("a"))
	marker := fixture.Cluster(namespace, "later", fixture.Provisioned("v1.36.3"),
		fixture.Labels(map[string]string{clusterv1.WatchLabel: "a"}))
	hub.createCluster(t, marker, hub.kubeconfig("later", "https://later:6443"))
	hub.asked(t, g, namespace, "later.reader")
	g.Consistently(versions).Should(Equal(before), "a restart has nobody prove anything again")
	g.Expect(metric(t, second, "capi_inventory_writes_total", map[string]string{"kind": "grant"})).To(BeEquivalentTo(1), "of the later one")
}

// TestRecreatedClusterGetsAnotherGrant: what was proven of a Cluster says nothing about its successor, even at the same endpoint.
func TestRecreatedClusterGetsAnotherGrant(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "recreated", scopedAccess(), namespace)
	first := hub.startPublisher(t)
	old := hub.createC1(t, namespace, "https://10.0.0.1:6443")
	before := hub.asked(t, g, namespace, "c1.reader")
	hub.grantAccess(t, before)
	hub.published(t, g, namespace, "c1")
	first.stop()
	// Held, as by the broker, until nothing of it is left on the spoke.
	held := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":["`+v1alpha1.FinalizerGrant+`"]}}`))
	g.Expect(hub.Patch(t.Context(), before, held, client.FieldOwner(broker))).To(Succeed())
	g.Expect(hub.Delete(t.Context(), old)).To(Succeed())
	successor := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), nil)
	hub.startPublisher(t)

	g.Eventually(func() any { return hub.grant(t, namespace, "c1.reader").DeletionTimestamp }).ShouldNot(BeNil())
	g.Consistently(func() string { return reference(hub.get(t, namespace, "c1")) }).Should(BeEmpty())
	released := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	g.Expect(hub.Patch(t.Context(), before, released, client.FieldOwner(broker))).To(Succeed())
	g.Eventually(func() any { return hub.grant(t, namespace, "c1.reader") }).
		Should(And(Not(BeNil()), HaveField("Spec.Cluster.UID", string(successor.UID))))
	g.Consistently(func() string { return reference(hub.get(t, namespace, "c1")) }).Should(BeEmpty(), "nothing of it is proven")
	hub.grantAccess(t, hub.grant(t, namespace, "c1.reader"))
	g.Eventually(func() string { return reference(hub.get(t, namespace, "c1")) }).Should(MatchJSON(grantedReference(namespace)))
}
