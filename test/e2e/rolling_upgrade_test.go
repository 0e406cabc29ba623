// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// While the control plane is replaced machine by machine, the profile shows the lowest version that runs; the new one only when
// the last old machine has gone; and at no time anything else.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	upgrading := inMemory("upgrading")
	upgrading.Replicas = 3
	spoke := newSpoke(t, upgrading)
	spoke.waitAvailable(t)
	spoke.waitHealthy(t)
	before, after := spoke.Version, "v1.36.3"
	g.Eventually(func(g Gomega) { g.Expect(spoke.runningVersions(g)).To(Equal([]string{before})) }).Should(Succeed())
	uid := spoke.profile(g).UID

	shown := watchVersions(t, spoke)
	step(t, "Upgrading %s from %s to %s", spoke, before, after)
	patch(t, spoke.controlPlane(), `{"spec":{"version":"`+after+`"}}`)
	g.Eventually(func(g Gomega) { g.Expect(spoke.runningVersions(g)).To(Equal([]string{before, after})) }, 3*time.Minute).Should(Succeed())
	step(t, "Both versions run; the profile shows %s", spoke.profile(g).Status.Version.Kubernetes)
	g.Eventually(func(g Gomega) { g.Expect(spoke.profile(g).Status.Version.Kubernetes).To(Equal(after)) }, 3*time.Minute).Should(Succeed())
	step(t, "The profile shows %s", after)

	g.Expect(spoke.runningVersions(g)).To(Equal([]string{after}), "the profile showed the new version while the old one ran")
	g.Expect(shown()).To(Equal([]string{before, after}))
	g.Expect(spoke.profile(g).UID).To(Equal(uid))
}

// runningVersions is what the control plane's machines run, the lowest first.
func (s *spoke) runningVersions(g Gomega) []string {
	status := s.cluster(g).Status.ControlPlane
	g.Expect(status).NotTo(BeNil())
	var versions []string
	for _, version := range status.Versions {
		versions = append(versions, version.Version)
	}
	return versions
}

// watchVersions collects each version that the profile shows from now on, until the function it returns is called.
func watchVersions(t *testing.T, s *spoke) func() []string {
	t.Helper()
	watching, err := client.NewWithWatch(hub.config, client.Options{Scheme: newScheme()})
	if err != nil {
		t.Fatal(err)
	}
	events, err := watching.Watch(t.Context(), &inventoryv1alpha1.ClusterProfileList{}, client.InNamespace(s.Namespace))
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for event := range events.ResultChan() {
			profile, isProfile := event.Object.(*inventoryv1alpha1.ClusterProfile)
			if !isProfile {
				continue
			}
			if version := profile.Status.Version.Kubernetes; len(shown) == 0 || shown[len(shown)-1] != version {
				shown = append(shown, version)
			}
		}
	}()
	return func() []string {
		events.Stop()
		<-collected
		return shown
	}
}
