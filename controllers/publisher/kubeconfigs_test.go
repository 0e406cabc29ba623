// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// kubeconfigOf is a kubeconfig of several contexts, of which the second one counts.
func kubeconfigOf(cluster, user, currentContext string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: %s
clusters:
- {name: first, cluster: {server: "https://first.example.com:6443"}}
- {name: second, cluster: {%s}}
users:
- {name: first, user: {token: first}}
- {name: second, user: {%s}}
contexts:
- {name: a, context: {cluster: first, user: first}}
- {name: b, context: {cluster: second, user: second}}
`, currentContext, cluster, user)
}

func TestKubeconfigShapes(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "sorts", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	for name, tc := range map[string]struct {
		cluster                   string
		server, proxy, serverName string
	}{
		"contexts": {cluster: `server: "https://second.example.com:6443"`, server: "https://second.example.com:6443"},
		"ipv6":     {cluster: `server: "https://[fd00::1]:6443"`, server: "https://[fd00::1]:6443"},
		"proxied": {
			cluster:    `server: "https://10.0.0.1:6443", proxy-url: "http://proxy.example.com:3128", tls-server-name: kubernetes`,
			server:     "https://10.0.0.1:6443",
			proxy:      "http://proxy.example.com:3128",
			serverName: "kubernetes",
		},
		"noport": {cluster: `server: "https://eks.example.com"`, server: "https://eks.example.com:443"},
	} {
		hub.createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3")), kubeconfigOf(tc.cluster, "token: t", "b"))
		cluster := hub.published(t, g, namespace, name).Status.AccessProviders[0].Cluster
		g.Expect([]string{cluster.Server, cluster.ProxyURL, cluster.TLSServerName}).
			To(Equal([]string{tc.server, tc.proxy, tc.serverName}), name)
	}
}

func TestRejectedKubeconfigsAreReported(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "refused", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t).working(g)
	const server = `server: "https://10.0.0.1:6443"`
	// What a Secret holds besides is up to 1 MiB; this is as much as the API server takes in one.
	noise := make([]byte, 1<<20)
	rand.New(rand.NewSource(1)).Read(noise)
	for name, tc := range map[string]struct {
		raw          []byte
		reason, says string
	}{
		"exec": {
			raw:    kubeconfigOf(server, "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}", "b"),
			reason: "KubeconfigExecUser",
			says:   "users[second].exec",
		},
		"auth-provider": {
			raw:    kubeconfigOf(server, "auth-provider: {name: gcp}", "b"),
			reason: "KubeconfigAuthProviderUser",
			says:   "users[second].auth-provider",
		},
		"token-file": {
			raw:    kubeconfigOf(server, "tokenFile: /var/run/secrets/token", "b"),
			reason: "KubeconfigFileReference",
			says:   "users[second].tokenFile",
		},
		"ca-file": {
			raw:    kubeconfigOf(server+", certificate-authority: /etc/ca.crt", "token: t", "b"),
			reason: "KubeconfigFileReference",
			says:   "cluster.certificate-authority",
		},
		"no-context": {
			raw:    kubeconfigOf(server, "token: t", `""`),
			reason: "KubeconfigNoCurrentContext",
			says:   "current-context: not set",
		},
		"empty": {raw: []byte{}, reason: "KubeconfigEmpty", says: "empty"},
		"noise": {raw: noise, reason: "KubeconfigTooLarge", says: "1048576 bytes"},
		// It would take 100 MiB, and one of 256 KiB 26 GiB.
		"aliases": {raw: fixture.KubeconfigOfAliases(), reason: "KubeconfigTooLarge", says: "aliases"},
	} {
		cluster := hub.createCluster(t, fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.3")), tc.raw)
		g.Eventually(func() metav1.Condition { return joined(hub.get(t, namespace, name)) }).Should(And(
			HaveField(
				"Status",
				metav1.ConditionFalse,
			),
			HaveField("Reason", "AccessNotPublished"),
			HaveField("Message", ContainSubstring(tc.says)),
		), name)
		g.Eventually(func() []string { return hub.eventsOn(t, cluster) }).Should(ContainElement(tc.reason), name)
	}
	g.Eventually(func() []v1alpha1.InventoryProblem { return hub.readInventory(t, "refused").Status.Problems }).
		Should(HaveLen(8))
	for _, problem := range hub.readInventory(t, "refused").Status.Problems {
		g.Expect(strings.HasPrefix(problem.Reason, v1alpha1.ProblemKubeconfig)).To(BeTrue(), "%v", problem)
	}
}

func joined(profile *inventoryv1alpha1.ClusterProfile) metav1.Condition {
	if profile == nil {
		return metav1.Condition{}
	}
	if found := meta.FindStatusCondition(profile.Status.Conditions, v1alpha1.ConditionJoined); found != nil {
		return *found
	}
	return metav1.Condition{}
}
