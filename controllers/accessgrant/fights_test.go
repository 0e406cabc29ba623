// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestOthersKeepWhatTheyWriteOnTheSecret: the broker would fight a policy engine that adds a label, or a GitOps tool that tracks objects by
// an annotation.
func TestOthersKeepWhatTheyWriteOnTheSecret(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	now := clocktesting.NewFakeClock(time.Now())
	running := s.startBroker(withClock(now))
	s.granted(g)
	secret := s.secret()
	s.change(g, secret, func() {
		metav1.SetMetaDataAnnotation(&secret.ObjectMeta, "example.com/tracked", "by-another")
		metav1.SetMetaDataLabel(&secret.ObjectMeta, "example.com/team", "a")
	})
	settled := func() bool { return s.grant().Status.Secret.ResourceVersion == s.secret().ResourceVersion }
	g.Eventually(settled).Should(BeTrue())
	g.Expect(s.secret()).To(Equal(secret), "the broker writes nothing")
	g.Expect(valueOf(t, running.metrics, "capi_inventory_broker_tokens_issued_total")).To(BeEquivalentTo(1))

	t.Run("when it writes its own", func(t *testing.T) {
		g := NewWithT(t)
		issued := s.grant().Status.IssuedAt
		now.Step(9 * time.Hour)
		s.touch()
		g.Eventually(func() bool { return s.grant().Status.IssuedAt.After(issued.Time) && settled() }).Should(BeTrue())
		g.Expect(s.secret().UID).To(Equal(secret.UID))
		g.Expect(s.secret().Annotations).To(HaveKeyWithValue("example.com/tracked", "by-another"))
		g.Expect(s.secret().Labels).To(HaveKeyWithValue("example.com/team", "a"))
	})
}

// TestFightOverTheSecretSlowsDown has a client delete the Secret as soon as it is there: each time another token is issued.
func TestFightOverTheSecretSlowsDown(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	now := clocktesting.NewFakeClock(time.Now())
	running := s.startBroker(withClock(now))
	s.granted(g)
	issued := func() float64 { return valueOf(t, running.metrics, "capi_inventory_broker_tokens_issued_total") }
	remove := func() {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: grantName + ".access"}}
		g.Expect(client.IgnoreNotFound(s.hub.Delete(t.Context(), secret))).To(Succeed())
	}
	g.Eventually(func() string {
		if issued() < 30 {
			remove()
		}
		return s.condition("Degraded")()
	}).Should(Equal("True Contested"))
	g.Expect(issued()).To(BeNumerically("<=", 11), "the first one, and ten that were put back")
	g.Expect(s.message()).To(ContainSubstring(grantName + ".access"))

	remove()
	s.touch()
	g.Consistently(s.secret).Should(BeNil(), "it waits")
	now.Step(time.Minute)
	s.touch()
	g.Eventually(s.secret).ShouldNot(BeNil())
	g.Expect(s.who(s.secret())).To(Equal(s.grant().Status.User))

	t.Run("until it ends", func(t *testing.T) {
		g := NewWithT(t)
		settled := func() bool { return s.grant().Status.Secret.ResourceVersion == s.secret().ResourceVersion }
		g.Eventually(settled).Should(BeTrue())
		g.Expect(s.condition("Degraded")()).To(Equal("True Contested"))
		now.Step(time.Minute)
		s.touch()
		g.Eventually(s.condition("Degraded")).Should(Equal("False AsExpected"))
	})
}
