// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/conformance"
)

// A Cluster with a real control plane becomes a profile, and the consumer's pod gets into the spoke with that profile alone.
func TestClusterBecomesAProfile(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	spoke := sharedSpoke(t)
	cluster := spoke.cluster(g)
	spoke.waitPublished(t)
	profile := spoke.waitHealthy(t)

	g.Expect(profile.Spec.ClusterManager.Name).To(Equal("cluster-api"))
	g.Expect(profile.Spec.DisplayName).To(Equal(spoke.Name))
	g.Expect(profile.Status.Version.Kubernetes).To(Equal(spoke.Version))
	g.Expect(profile.Labels).To(HaveKeyWithValue(v1alpha1.LabelInventoryMemberID, string(cluster.UID)))
	g.Expect(profile.Labels).To(HaveKeyWithValue("env", "e2e"))
	g.Expect(conformance.Check([]inventoryv1alpha1.ClusterProfile{*profile})).To(BeEmpty())

	g.Expect(row(t, spoke.key())).To(Equal([]string{spoke.Name, "cluster-api", spoke.Version, "True", "True"}))

	step(t, "The consumer gets into the spoke")
	var check *v1alpha1.SpokeCheck
	g.Eventually(func(g Gomega) {
		check = spoke.check(g)
		g.Expect(check.Status.Conditions).To(beReachable())
	}).Should(Succeed())
	g.Expect(check.Status.Provider).To(Equal(v1alpha1.ProviderKubeconfigSecret))
	g.Expect(check.Status.KubernetesVersion).To(Equal(spoke.Version))
	g.Expect(check.Status.User).To(Equal("kubernetes-admin"))
	g.Expect(check.Status.MemberID).To(Equal(string(cluster.UID)))
}

// row is what `kubectl get clusterprofile` prints, without the age.
func row(t *testing.T, key client.ObjectKey) []string {
	t.Helper()
	g := NewWithT(t)
	config := rest.CopyConfig(hub.config)
	config.APIPath, config.GroupVersion = "/apis", &inventoryv1alpha1.GroupVersion
	config.NegotiatedSerializer = clientgoscheme.Codecs.WithoutConversion()
	asking, err := rest.RESTClientFor(config)
	g.Expect(err).NotTo(HaveOccurred())
	raw, err := asking.Get().Resource("clusterprofiles").Namespace(key.Namespace).Name(key.Name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	var table metav1.Table
	g.Expect(json.Unmarshal(raw, &table)).To(Succeed())
	g.Expect(table.Rows).To(HaveLen(1))
	var printed []string
	for i, cell := range table.Rows[0].Cells {
		if column := table.ColumnDefinitions[i]; column.Priority == 0 && column.Name != "Age" {
			printed = append(printed, fmt.Sprint(cell))
		}
	}
	return printed
}
