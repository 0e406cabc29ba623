// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// readConfigMaps is a right that is easily tried.
func readConfigMaps() v1alpha1.ServiceAccountAccess {
	return v1alpha1.ServiceAccountAccess{Rules: []v1alpha1.AccessRule{{
		Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"configmaps"},
	}}}
}

// holder is a client of the spoke with what the Secret of the grant holds.
func (s *stage) holder(secret *corev1.Secret) client.Client {
	s.t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(secret.Data["value"])
	if err != nil {
		s.t.Fatal(err)
	}
	made, err := client.New(config, client.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return made
}

// who returns the user that the spoke takes the Secret's token for.
func (s *stage) who(secret *corev1.Secret) (string, error) {
	if secret == nil {
		return "", errors.New("there is no Secret")
	}
	review := &authenticationv1.SelfSubjectReview{}
	err := s.holder(secret).Create(context.Background(), review)
	return review.Status.UserInfo.Username, err
}

func TestGrantsJustWhatIsAskedFor(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	of := s.granted(g)

	g.Expect(of.Finalizers).To(ConsistOf("capi-inventory.dev/grant"))
	g.Expect(of.Status.ObservedGeneration).To(Equal(of.Generation))
	g.Expect(of.Status.ExpirationTimestamp.Sub(of.Status.IssuedAt.Time)).To(BeNumerically("~", 24*time.Hour, time.Minute))
	secret := s.secret()
	g.Expect(secret.Type).To(BeEquivalentTo("capi-inventory.dev/kubeconfig"))
	g.Expect(secret.Labels).NotTo(HaveKey("cluster.x-k8s.io/cluster-name"), "consumers of Cluster API's Secrets look for it")
	g.Expect(metav1.IsControlledBy(secret, of)).To(BeTrue())
	g.Expect(s.who(secret)).To(Equal(of.Status.User))

	holder := s.holder(secret)
	g.Expect(holder.List(t.Context(), &corev1.ConfigMapList{})).To(Succeed())
	for name, attempt := range map[string]func() error{
		"read Secrets": func() error { return holder.List(t.Context(), &corev1.SecretList{}) },
		"write ConfigMaps": func() error {
			return holder.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "x"}})
		},
		"make a token of its own": func() error {
			account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}}
			return holder.SubResource("token").Create(t.Context(), account, &authenticationv1.TokenRequest{})
		},
	} {
		if err := attempt(); !apierrors.IsForbidden(err) {
			t.Errorf("the token may %s: %v", name, err)
		}
	}

	t.Run("and the profile refers to it", func(t *testing.T) {
		g := NewWithT(t)
		profile := &inventoryv1alpha1.ClusterProfile{}
		g.Eventually(func(g Gomega) {
			g.Expect(s.get(profile, s.namespace, "c1")).To(BeTrue())
			g.Expect(profile.Status.AccessProviders).To(HaveLen(1))
		}).Should(Succeed())
		cluster := profile.Status.AccessProviders[0].Cluster
		g.Expect(cluster.Server).To(Equal(s.port.URL()))
		var reference map[string]string
		g.Expect(json.Unmarshal(cluster.Extensions[0].Extension.Raw, &reference)).To(Succeed())
		g.Expect(reference).To(Equal(map[string]string{"name": secret.Name, "key": "value", "namespace": s.namespace}))
	})
}

func TestRightsFollowTheInventory(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	s.granted(g)
	secret := s.secret()
	holder := s.holder(secret)

	s.change(g, s.inventory, func() {
		access := s.inventory.Spec.AccessProviders[0].ServiceAccount
		access.Rules[0].Resources = []string{"services"}
		access.Namespaces = []string{"kube-system"}
	})
	g.Eventually(func() int64 { return s.grant().Status.ObservedGeneration }).Should(BeNumerically("==", 2))

	g.Eventually(func() error {
		return holder.List(t.Context(), &corev1.ServiceList{}, client.InNamespace("kube-system"))
	}).
		Should(Succeed())
	g.Expect(apierrors.IsForbidden(holder.List(t.Context(), &corev1.ServiceList{}))).To(BeTrue(), "in other namespaces")
	g.Expect(apierrors.IsForbidden(holder.List(t.Context(), &corev1.ConfigMapList{}))).To(BeTrue(), "the old right goes")
	g.Expect(s.secret().ResourceVersion).To(Equal(secret.ResourceVersion), "the token stays")
}

func TestRenewsBeforeExpiry(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	now := clocktesting.NewFakeClock(time.Now())
	s.startBroker(withClock(now))
	first := s.granted(g)
	old := s.secret()

	now.Step(8*time.Hour + time.Minute)
	s.touch()
	g.Eventually(func() string { return s.secret().ResourceVersion }).ShouldNot(Equal(old.ResourceVersion))
	g.Eventually(func() string { return s.grant().Status.Secret.ResourceVersion }).Should(Equal(s.secret().ResourceVersion))
	g.Expect(s.grant().Status.IssuedAt.After(first.Status.IssuedAt.Time)).To(BeTrue())
	g.Expect(s.who(s.secret())).To(Equal(first.Status.User))
	g.Expect(s.who(old)).To(Equal(first.Status.User), "the old token works until it ends")
}

func TestRestartIssuesNothing(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	first := s.startBroker()
	before := s.granted(g)
	secret := s.secret()
	first.stop()

	second := s.startBroker()
	g.Expect(s.hub.Delete(t.Context(), s.marker(g))).To(Succeed())
	g.Expect(s.secret()).To(Equal(secret))
	g.Expect(s.grant()).To(Equal(before))
	g.Expect(valueOf(t, second.metrics, "capi_inventory_broker_tokens_issued_total")).To(BeEquivalentTo(1), "that of the marker")
}

// marker is a second Cluster, whose grant is fulfilled when the broker has looked at everything that was there before.
func (s *stage) marker(g *WithT) client.Object {
	s.t.Helper()
	cluster := fixture.Cluster(s.namespace, "marker", fixture.Provisioned("v1.36.3"))
	status := cluster.Status
	s.create(cluster)
	cluster.Status = status
	g.Expect(s.hub.Status().Update(s.t.Context(), cluster)).To(Succeed())
	s.create(fixture.KubeconfigSecret(s.namespace, "marker", fixture.Kubeconfig("marker", spoke.Config(), "")))
	g.Eventually(func() bool {
		return s.get(&corev1.Secret{}, s.namespace, "marker.kubeconfig-secretreader.access")
	}).Should(BeTrue())
	return cluster
}

func TestFollowsTheEndpoint(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	s.granted(g)
	moved, err := spoke.Forward()
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { _ = moved.Close() })
	s.port.Cut(true)

	kubeconfig := fixture.KubeconfigSecret(s.namespace, "c1", fixture.Kubeconfig("c1", spoke.Config(), moved.URL()))
	g.Expect(s.hub.Update(t.Context(), kubeconfig)).To(Succeed())
	g.Eventually(func() string {
		profile := &inventoryv1alpha1.ClusterProfile{}
		s.get(profile, s.namespace, "c1")
		if len(profile.Status.AccessProviders) == 0 {
			return "" // The grant is ready before the publisher has seen that.
		}
		return profile.Status.AccessProviders[0].Cluster.Server
	}).Should(Equal(moved.URL()))
	g.Expect(s.who(s.secret())).To(Equal(s.grant().Status.User))
}

func TestRestoresItsSecret(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	s.granted(g)
	t.Run("that was changed", func(t *testing.T) {
		g := NewWithT(t)
		changed := s.secret()
		s.change(g, changed, func() {
			changed.Data["value"] = fixture.Kubeconfig("c1", spoke.Config(), "https://attacker.example.com")
		})
		g.Eventually(func() (string, error) { return s.who(s.secret()) }).Should(Equal(s.grant().Status.User))
	})
	t.Run("that was changed and made immutable", func(t *testing.T) {
		g := NewWithT(t)
		changed := s.secret()
		s.change(g, changed, func() {
			changed.Data["value"] = fixture.Kubeconfig("c1", spoke.Config(), "https://attacker.example.com")
			changed.Immutable = ptr.To(true)
		})
		g.Eventually(func() (string, error) { return s.who(s.secret()) }).Should(Equal(s.grant().Status.User))
	})
	t.Run("that was dated into the future, when its token would be renewed", func(t *testing.T) {
		g := NewWithT(t)
		changed := s.secret()
		s.change(g, changed, func() {
			changed.Annotations["capi-inventory.dev/issued-at"] = "2146-01-01T00:00:00Z"
			changed.Annotations["capi-inventory.dev/expires-at"] = "2146-01-02T00:00:00Z"
		})
		g.Eventually(func() string { return s.secret().Annotations["capi-inventory.dev/expires-at"] }).ShouldNot(HavePrefix("2146"))
		g.Expect(s.grant().Status.ExpirationTimestamp.Time).To(BeTemporally("<", time.Now().Add(48*time.Hour)))
		g.Expect(s.who(s.secret())).To(Equal(s.grant().Status.User))
	})
	t.Run("that was deleted", func(t *testing.T) {
		g := NewWithT(t)
		gone := s.secret()
		g.Expect(s.hub.Delete(t.Context(), gone)).To(Succeed())
		g.Eventually(func() bool { now := s.secret(); return now != nil && now.UID != gone.UID }).Should(BeTrue())
		g.Expect(s.who(s.secret())).To(Equal(s.grant().Status.User))
	})
}

// TestRestoresRights: with the next renewal, or whatever else has the broker connect, here that the Secret is gone.
func TestRestoresRights(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	user := s.granted(g).Status.User
	made := client.MatchingLabels{"capi-inventory.dev/grant": s.account().Labels["capi-inventory.dev/grant"]}

	t.Run("of a role that was changed", func(t *testing.T) {
		g := NewWithT(t)
		roles := &rbacv1.ClusterRoleList{}
		g.Expect(s.spoke.List(t.Context(), roles, made)).To(Succeed())
		g.Expect(roles.Items).To(HaveLen(1))
		roles.Items[0].Rules[0].Resources = []string{"*"}
		g.Expect(s.spoke.Update(t.Context(), &roles.Items[0])).To(Succeed())

		g.Expect(s.hub.Delete(t.Context(), s.secret())).To(Succeed())
		g.Eventually(func(g Gomega) {
			role := &rbacv1.ClusterRole{}
			g.Expect(s.spoke.Get(t.Context(), client.ObjectKeyFromObject(&roles.Items[0]), role)).To(Succeed())
			g.Expect(role.Rules[0].Resources).To(Equal([]string{"configmaps"}))
		}).Should(Succeed())
	})
	t.Run("of a binding that was made again with another role", func(t *testing.T) {
		g := NewWithT(t)
		bindings := &rbacv1.ClusterRoleBindingList{}
		g.Expect(s.spoke.List(t.Context(), bindings, made)).To(Succeed())
		g.Expect(bindings.Items).To(HaveLen(1))
		before := &bindings.Items[0]
		g.Expect(s.spoke.Delete(t.Context(), before)).To(Succeed())
		g.Expect(s.spoke.Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: before.Name, Labels: before.Labels},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
			Subjects:   before.Subjects,
		})).To(Succeed())

		g.Expect(s.hub.Delete(t.Context(), s.secret())).To(Succeed())
		g.Eventually(func(g Gomega) {
			after := &rbacv1.ClusterRoleBinding{}
			g.Expect(s.spoke.Get(t.Context(), client.ObjectKeyFromObject(before), after)).To(Succeed())
			g.Expect(after.RoleRef).To(Equal(before.RoleRef))
		}).Should(Succeed())
	})
	t.Run("of a ServiceAccount that was deleted, with which its token ended", func(t *testing.T) {
		g := NewWithT(t)
		g.Eventually(func() (string, error) { return s.who(s.secret()) }).Should(Equal(user))
		g.Expect(s.spoke.Delete(t.Context(), s.account())).To(Succeed())
		g.Eventually(func() error { _, err := s.who(s.secret()); return err }).Should(HaveOccurred())

		s.change(g, s.inventory, func() {
			s.inventory.Spec.AccessProviders[0].ServiceAccount.Rules[0].Resources = []string{"services"}
		})
		g.Eventually(func() (string, error) { return s.who(s.secret()) }).Should(Equal(user))
	})
}

// account is the ServiceAccount on the spoke; nil if there is none.
func (s *stage) account() *corev1.ServiceAccount { return s.accountOf(grantName) }

// accountOf returns the ServiceAccount that was made on the spoke for a grant; nil if there is none.
func (s *stage) accountOf(grant string) *corev1.ServiceAccount {
	list := &corev1.ServiceAccountList{}
	if err := s.spoke.List(context.Background(), list, client.HasLabels{"capi-inventory.dev/grant"}); err != nil {
		s.t.Error(err)
	}
	for i := range list.Items {
		if list.Items[i].Name == s.namespace+"."+grant {
			return &list.Items[i]
		}
	}
	return nil
}
