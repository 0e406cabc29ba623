// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The publisher dies without a word while Clusters are being made. Another takes the lead when it has run out, and every Cluster
// has exactly one profile. When it dies again and nothing has changed, nothing is written.
//
// This disturbs all other stories, so it goes before them.
func TestPublisherIsKilled(t *testing.T) {
	g := NewWithT(t)
	var spokes []*spoke
	for i := range 4 {
		spokes = append(spokes, newSpoke(t, inMemory(fmt.Sprintf("killed-%d", i))))
	}
	var was string
	g.Eventually(func(g Gomega) { was = lead(g) }).Should(Succeed())
	kill(t, was)
	for _, spoke := range spokes {
		spoke.waitPublished(t)
	}
	step(t, "All are published, by %s", lead(g))
	g.Expect(lead(g)).NotTo(Equal(was))

	before := map[*spoke]*inventoryv1alpha1.ClusterProfile{}
	for _, spoke := range spokes {
		spoke.waitAvailable(t)
		spoke.waitHealthy(t)
		before[spoke] = spoke.onlyProfile(g)
	}
	was = lead(g)
	kill(t, was)
	g.Eventually(func(g Gomega) { g.Expect(lead(g)).NotTo(Equal(was)) }).Should(Succeed())
	step(t, "%s leads now", lead(g))
	newSpoke(t, inMemory("late")).waitPublished(t)
	g.Consistently(func(g Gomega) {
		for _, spoke := range spokes {
			g.Expect(spoke.onlyProfile(g)).To(Equal(before[spoke]))
		}
	}).Should(Succeed())
}

// onlyProfile is the only one in the Cluster's namespace.
func (s *spoke) onlyProfile(g Gomega) *inventoryv1alpha1.ClusterProfile {
	var profiles inventoryv1alpha1.ClusterProfileList
	g.Expect(k8s.List(context.Background(), &profiles, client.InNamespace(s.Namespace))).To(Succeed())
	g.Expect(profiles.Items).To(HaveLen(1))
	return &profiles.Items[0]
}

// lead is who publishes: a process in a pod, as the Lease spells it.
func lead(g Gomega) string {
	lease := read(g, client.ObjectKey{Namespace: systemNamespace, Name: "publisher.capi-inventory.dev"}, &coordinationv1.Lease{})
	g.Expect(lease.Spec.HolderIdentity).To(HaveValue(Not(BeEmpty())))
	return *lease.Spec.HolderIdentity
}

// kill ends a process at once: it can neither finish what it does nor give up the lead.
func kill(t *testing.T, process string) {
	t.Helper()
	step(t, "Killing %s", process)
	name, _, _ := strings.Cut(process, "_")
	pod := &corev1.Pod{}
	if err := k8s.Get(t.Context(), client.ObjectKey{Namespace: systemNamespace, Name: name}, pod); err != nil {
		t.Fatal(err)
	}
	_, container, _ := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://")
	pid, err := run(
		t.Context(),
		nil,
		"docker",
		"exec",
		pod.Spec.NodeName,
		"crictl",
		"inspect",
		"-o",
		"go-template",
		"--template",
		"{{.info.pid}}",
		container,
	)
	if err != nil {
		t.Fatal(err)
	}
	dockerMust(t, "exec", pod.Spec.NodeName, "kill", "-KILL", pid)
}
