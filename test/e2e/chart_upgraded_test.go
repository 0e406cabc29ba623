// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The chart is upgraded to other images, with other settings, and rolled back. Another publisher takes the lead each time, finds
// the profiles as they should be, and writes none.
//
// This disturbs all other stories, so it goes before them.
func TestChartIsUpgraded(t *testing.T) {
	g := NewWithT(t)
	fleet := sharedFleet(t)
	before := fleet.waitHealthy(t)
	old := installed(t)
	next := old.rebuilt(t, old.tag+"-next")
	old.putBack(t)
	was := lead(g)

	step(t, "Upgrading to %s", next.tag)
	g.Expect(next.helm(t.Context(), "upgrade", release, "charts/capi-inventory", "--reset-then-reuse-values", "--wait", "--timeout", "3m",
		"--set", "image.tag="+next.tag+",publisher.replicas=3,publisher.concurrency=3")).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(lead(g)).NotTo(Equal(was))
		g.Expect(leadingContainer(g).Image).To(HaveSuffix("/publisher:" + next.tag))
	}).Should(Succeed())
	g.Expect(leadingContainer(g).Args).To(ContainElement("--concurrency=3"))
	g.Expect(deployment(g, "publisher").Status.ReadyReplicas).To(BeEquivalentTo(3))
	g.Expect(deployment(g, "consumer").Spec.Template.Spec.Containers[0].Args).
		To(ContainElement("--interval=5s"), "a setting of before was lost")
	fleet.expectServed(t)
	fleet.expectUnwritten(g, before)

	step(t, "Rolling back")
	was = lead(g)
	g.Expect(old.helm(t.Context(), "rollback", release, "--wait", "--timeout", "3m")).To(Succeed())
	g.Eventually(func(g Gomega) {
		g.Expect(lead(g)).NotTo(Equal(was))
		g.Expect(leadingContainer(g).Image).To(HaveSuffix("/publisher:" + old.tag))
	}).Should(Succeed())
	fleet.expectServed(t)
	fleet.expectUnwritten(g, before)
}

// leadingContainer is the one in which the leading publisher runs.
func leadingContainer(g Gomega) corev1.Container {
	name, _, _ := strings.Cut(lead(g), "_")
	return read(g, client.ObjectKey{Namespace: systemNamespace, Name: name}, &corev1.Pod{}).Spec.Containers[0]
}

// rebuilt makes other images with the same content, as those of a next version, and removes them in the end. A second tag on
// the same image would not do: a node that removes one of them removes both.
func (p *product) rebuilt(t *testing.T, tag string) *product {
	t.Helper()
	next := &product{tag: tag}
	folder := t.TempDir()
	for i, image := range next.images() {
		recipe := fmt.Sprintf("FROM %s\nLABEL org.opencontainers.image.version=%s\n", p.images()[i], tag)
		if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(recipe), 0o600); err != nil {
			t.Fatal(err)
		}
		dockerMust(t, "build", "--tag", image, folder)
	}
	t.Cleanup(func() {
		if err := next.removeImages(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := tool(
		t.Context(),
		nil,
		"kind",
		append([]string{"load", "docker-image", "--name", hub.name}, next.images()...)...); err != nil {
		t.Fatal(err)
	}
	return next
}
