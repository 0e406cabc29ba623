// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// message returns that of the grant's condition Degraded.
func (s *stage) message() string {
	if of := s.grant(); of != nil {
		if found := meta.FindStatusCondition(of.Status.Conditions, "Degraded"); found != nil {
			return found.Message
		}
	}
	return ""
}

// TestRefusesWhatNoInventoryAsksFor has a tenant write grants: nothing is made on the spoke for one that says anything else than the
// Inventory.
func TestRefusesWhatNoInventoryAsksFor(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	g.Eventually(s.grant).ShouldNot(BeNil())
	genuine := s.grant()
	elsewhere := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}
	s.create(elsewhere)

	made := map[string]*v1alpha1.AccessGrant{}
	for name, change := range map[string]func(*v1alpha1.AccessGrant){
		"of another name":             func(of *v1alpha1.AccessGrant) { of.Name = "mine" },
		"in another namespace":        func(of *v1alpha1.AccessGrant) { of.Namespace = elsewhere.Name },
		"of a provider that is none":  func(of *v1alpha1.AccessGrant) { of.Name, of.Spec.Provider = "c1.other", "other" },
		"of an Inventory that is not": func(of *v1alpha1.AccessGrant) { of.Name, of.Spec.Inventory = "c1.i", "none" },
		"with more rights": func(of *v1alpha1.AccessGrant) {
			of.Name = "c1.more"
			of.Spec.ServiceAccount = v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"cluster-admin"}, AllowEscalation: true}
		},
	} {
		of := &v1alpha1.AccessGrant{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: genuine.Name},
			Spec:       *genuine.Spec.DeepCopy(),
		}
		change(of)
		s.create(of)
		made[name] = of
	}
	s.startBroker()
	s.granted(g)
	for name, of := range made {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Eventually(func() string {
				live := &v1alpha1.AccessGrant{}
				s.get(live, of.Namespace, of.Name)
				return reasonOf(live.Status.Conditions, "Ready")
			}).Should(Equal("False NotWanted"))
			g.Expect(s.get(&corev1.Secret{}, of.Namespace, of.Name+".access")).To(BeFalse())
			accounts := &corev1.ServiceAccountList{}
			g.Expect(s.spoke.List(t.Context(), accounts, client.HasLabels{"capi-inventory.dev/grant"})).To(Succeed())
			for _, account := range accounts.Items {
				g.Expect(account.Name).NotTo(Equal(of.Namespace + "." + of.Name))
			}
		})
	}
}

func TestLeavesForeignObjectsAlone(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: grantName + ".access"},
		Data:       map[string][]byte{"value": []byte("somebody else's")},
	}
	s.create(secret)
	now := clocktesting.NewFakeClock(time.Now())
	s.startBroker(withClock(now))
	g.Eventually(s.condition("Ready")).Should(Equal("False ForeignObject"))
	g.Expect(s.message()).To(ContainSubstring(secret.Name))
	g.Expect(s.secret().Data).To(Equal(secret.Data))

	t.Run("also on the spoke", func(t *testing.T) {
		g := NewWithT(t)
		g.Expect(s.hub.Delete(t.Context(), secret)).To(Succeed())
		now.Step(time.Hour)
		s.touch()
		s.granted(g)
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{
			Name: "capi-inventory:" + s.account().Labels["capi-inventory.dev/grant"],
		}}
		g.Expect(s.spoke.Get(t.Context(), client.ObjectKeyFromObject(role), role)).To(Succeed())
		role.Labels = nil
		g.Expect(s.spoke.Update(t.Context(), role)).To(Succeed())
		g.Expect(s.hub.Delete(t.Context(), s.secret())).To(Succeed())
		g.Eventually(s.condition("Degraded")).Should(Equal("True ForeignObject"))
		g.Expect(s.message()).To(ContainSubstring(role.Name))
	})
}

// TestTokenThatCannotBeRenewed follows a token whose spoke is away to its end, and back.
func TestTokenThatCannotBeRenewed(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	now := clocktesting.NewFakeClock(time.Now())
	running := s.startBroker(withClock(now))
	s.granted(g)
	secret := s.secret()
	s.port.Cut(true)

	now.Step(9 * time.Hour)
	s.touch()
	g.Eventually(s.condition("Degraded")).Should(Equal("True SpokeUnreachable"))
	g.Expect(s.condition("Ready")()).To(Equal("True Granted"), "the token is valid for another 15 hours")
	g.Expect(s.secret()).To(Equal(secret))
	g.Eventually(func() string { return s.joined() }).Should(ContainSubstring("cannot be renewed"))
	expiring := func() float64 { return valueOf(t, running.metrics, "capi_inventory_broker_expiring_grants") }
	g.Expect(expiring()).To(BeZero())

	now.Step(14*time.Hour + 30*time.Minute)
	g.Eventually(expiring).Should(BeEquivalentTo(1), "nobody has renewed it, and half an hour is left")

	now.Step(90 * time.Minute)
	s.touch()
	g.Eventually(s.condition("Ready")).Should(Equal("False Expired"))
	g.Expect(s.secret()).To(Equal(secret))
	g.Eventually(func() float64 {
		return valueOf(t, running.metrics, "capi_inventory_broker_earliest_expiration_timestamp_seconds")
	}).Should(BeZero(), "no token is accepted")
	g.Expect(expiring()).To(BeZero(), "it has expired, and is degraded")
	g.Eventually(func() []string { return s.eventsOn(s.grant()) }).Should(ContainElements("Granted", "SpokeUnreachable", "Expired"))
}

// joined returns the message of the profile's condition Joined.
func (s *stage) joined() string {
	profile := &inventoryv1alpha1.ClusterProfile{}
	s.get(profile, s.namespace, "c1")
	if found := meta.FindStatusCondition(profile.Status.Conditions, "Joined"); found != nil {
		return found.Message
	}
	return ""
}

// eventsOn lists the reasons of the Events about an object.
func (s *stage) eventsOn(object client.Object) []string {
	var list eventsv1.EventList
	if err := s.hub.List(context.Background(), &list, client.InNamespace(object.GetNamespace())); err != nil {
		s.t.Error(err)
	}
	var reasons []string
	for _, event := range list.Items {
		if event.Regarding.UID == object.GetUID() {
			reasons = append(reasons, event.Reason)
		}
	}
	return reasons
}

// TestHostileSpokes has spokes answer with what no API server answers.
func TestHostileSpokes(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, next http.Handler)
		want   string
	}{
		"says that the token is another user's": {
			answer: func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if strings.Contains(r.URL.Path, "selfsubjectreviews") {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusCreated)
					_, _ = io.WriteString(w, `{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1",`+
						`"status":{"userInfo":{"username":"system:admin"}}}`)
					return
				}
				next.ServeHTTP(w, r)
			},
			want: "TokenRefused",
		},
		"answers without an end": {
			answer: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				w.Header().Set("Content-Type", "application/json")
				for r.Context().Err() == nil {
					if _, err := io.WriteString(w, strings.Repeat("[", 1<<16)); err != nil {
						return
					}
				}
			},
			want: "SpokeUnreachable",
		},
		"redirects": {
			answer: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				http.Redirect(w, r, "https://attacker.example.com/", http.StatusTemporaryRedirect)
			},
			want: "SpokeRefused",
		},
		"answers with the credentials that it was sent": {
			answer: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusForbidden)
				_ = json.NewEncoder(w).Encode(metav1.Status{
					TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
					Status:   metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden,
					Message: "no: " + r.Header.Get("Authorization") + "\n" + strings.Repeat("x", 100_000),
				})
			},
			want: "SpokeRefused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, readConfigMaps())
			g := NewWithT(t)
			var sent atomic.Value
			s.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				sent.Store(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
				tc.answer(w, r, next)
			})
			running := s.startBroker()
			g.Eventually(s.condition("Degraded")).Should(Equal("True " + tc.want))
			g.Expect(s.secret()).To(BeNil())
			g.Expect(len(s.message())).To(BeNumerically("<", 600))
			running.stop()
			s.leaksNothing(t, running, fmt.Sprint(sent.Load()))
		})
	}
}

// TestRefusesWhatAnInvalidInventoryHolds: what an Inventory has published stays its own while a typo keeps it from saying so. The next
// one does not get a right on the spoke meanwhile, as it does not get the profile.
func TestRefusesWhatAnInvalidInventoryHolds(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	s.startBroker()
	of := s.granted(g)
	typo := []byte(`{"spec":{"properties":[{"name":"x.example.com","expression":"(("}]}}`)
	g.Expect(s.hub.Patch(t.Context(), s.inventory, client.RawPatch("application/merge-patch+json", typo))).To(Succeed())
	younger := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{GenerateName: "younger-"}, Spec: *s.inventory.Spec.DeepCopy()}
	younger.Spec.Properties = nil
	younger.Spec.AccessProviders[0].Name = "other"
	s.create(younger)
	t.Cleanup(func() { s.remove(younger) })

	forged := &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "c1.other"}, Spec: *of.Spec.DeepCopy(),
	}
	forged.Spec.Inventory, forged.Spec.Provider = younger.Name, "other"
	s.create(forged)
	g.Eventually(func() string {
		s.get(forged, s.namespace, forged.Name)
		return reasonOf(forged.Status.Conditions, "Ready")
	}).Should(Equal("False NotWanted"))
}
