// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestKubeconfigsAreBounded: one tenant's kubeconfig, whatever is in it, freezes neither its own profile nor the status of the
// Inventory, which others share.
func TestKubeconfigsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("u", 100<<10)
	named := func(user, cluster string) []byte {
		return fmt.Appendf(
			nil,
			"apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: c, cluster: {server: "+
				"'https://a:1'%s}}]\nusers: [{name: %s, user: {}}]\ncontexts: [{name: a, context: {cluster: c, user: %[2]s}}]\n",
			cluster,
			user,
		)
	}
	for name, tc := range map[string]struct {
		raw    []byte
		reason string
	}{
		"long-user":        {raw: named(long, ""), reason: "KubeconfigNoCredentials"},
		"long-server-name": {raw: named("u", ", tls-server-name: "+long), reason: "KubeconfigInvalidTLSServerName"},
	} {
		t.Run(name, func(t *testing.T) {
			hub := freeHub(t)
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			hub.inventory(t, name, v1alpha1.InventorySpec{}, namespace)
			hub.startPublisher(t)
			hub.createCluster(t, fixture.Cluster(namespace, "good", fixture.Provisioned("v1.36.3")),
				hub.kubeconfig("good", "https://10.0.0.1:6443"))
			const bad = 2
			for i := range bad {
				hub.createCluster(t, fixture.Cluster(namespace, fmt.Sprintf("bad-%d", i), fixture.Provisioned("v1.36.3")), tc.raw)
			}
			g.Eventually(func(g Gomega) {
				status := hub.readInventory(t, name).Status
				g.Expect(status.Clusters).To(BeEquivalentTo(bad + 1))
				g.Expect(status.Published).To(BeEquivalentTo(bad + 1))
				g.Expect(status.Problems).To(HaveLen(bad))
				for _, problem := range status.Problems {
					g.Expect(problem.Reason).To(Equal(tc.reason))
					g.Expect(len(problem.Message)).To(BeNumerically("<", 1024), "so that an Event can have it")
				}
				for i := range bad {
					profile := hub.get(t, namespace, fmt.Sprintf("bad-%d", i))
					g.Expect(profile).NotTo(BeNil())
					g.Expect(profile.Status.Version.Kubernetes).To(Equal("v1.36.3"), "health and version do not depend on the access")
				}
			}).WithPolling(200 * time.Millisecond).Should(Succeed())
		})
	}
}

// An Inventory may ask for more parameters than etcd takes. As many access providers as fit are published, and the others are
// problems: a write that fails would hold up the health and the version too.
func TestProfilesAreBounded(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	var spec v1alpha1.InventorySpec
	extension := map[string]v1alpha1.Expression{}
	for i := range 32 {
		extension[fmt.Sprintf("p%02d", i)] = "cluster.metadata.annotations['big']"
	}
	const asked = 6
	for i := range asked {
		spec.AccessProviders = append(spec.AccessProviders, v1alpha1.AccessProvider{
			Name: fmt.Sprintf("provider-%d", i),
			Exec: &v1alpha1.ExecAccess{Server: "'https://10.0.0.1:6443'", Extension: extension},
		})
	}
	hub.inventory(t, "too-large", spec, namespace)
	hub.startPublisher(t)
	cluster := fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3"))
	cluster.Annotations = map[string]string{"big": strings.Repeat("x", 15_000)}
	hub.createCluster(t, cluster, nil)
	g.Eventually(func(g Gomega) {
		status := hub.readInventory(t, "too-large").Status
		g.Expect(status.Published).To(BeEquivalentTo(1))
		g.Expect(status.Problems).To(HaveLen(asked - 1))
		for _, problem := range status.Problems {
			g.Expect(problem.Reason).To(Equal(v1alpha1.ProblemAccessProviderSkipped))
			g.Expect(problem.Message).To(ContainSubstring("extension[p00]"))
		}
		profile := hub.get(t, namespace, "c1")
		g.Expect(profile).NotTo(BeNil())
		g.Expect(profile.Status.Version.Kubernetes).To(Equal("v1.36.3"))
		g.Expect(profile.Status.AccessProviders).To(HaveLen(1))
	}).Should(Succeed())
}
