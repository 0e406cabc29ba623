// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/conformance"
)

// A Cluster without a single container becomes a profile as any other: nothing of the publisher depends on the provider.
func TestInMemoryClusterBecomesAProfile(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := newSpoke(t, inMemory("memory"))
	access := spoke.waitPublished(t).Status.AccessProviders
	step(t, "Its access is published, before it is available: %s", access[0].Cluster.Server)
	g.Expect(access).To(HaveLen(1))
	g.Expect(access[0].Name).To(Equal(v1alpha1.ProviderKubeconfigSecret))
	g.Expect(access[0].Cluster.CertificateAuthorityData).NotTo(BeEmpty())
	g.Expect(access[0].Cluster.Extensions).To(HaveLen(1))
	g.Expect(extension(access[0].Cluster)).
		To(MatchJSON(`{"name": "` + spoke.Name + `-kubeconfig", "key": "value", "namespace": "` + spoke.Namespace + `"}`))

	spoke.waitAvailable(t)
	profile := spoke.waitHealthy(t)
	g.Expect(profile.Status.Version.Kubernetes).To(Equal(spoke.Version))
	g.Expect(profile.Status.AccessProviders).To(Equal(access))
	g.Expect(conformance.Check([]inventoryv1alpha1.ClusterProfile{*profile})).To(BeEmpty())
}

func extension(cluster clientcmdv1.Cluster) []byte { return cluster.Extensions[0].Extension.Raw }
