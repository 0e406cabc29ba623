// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestNewerClusterProfiles: another program on the hub may have upgraded the API, also one that the release has installed.
func TestNewerClusterProfiles(t *testing.T) {
	g := NewWithT(t)
	crd := &apiextensionsv1.CustomResourceDefinition{}
	name := "clusterprofiles.multicluster.x-k8s.io"
	g.Expect(k8s.Get(t.Context(), client.ObjectKey{Name: name}, crd)).To(Succeed())
	before := crd.DeepCopy()
	crd.Labels = map[string]string{"app.kubernetes.io/managed-by": "Helm"}
	crd.Annotations["meta.helm.sh/release-name"], crd.Annotations["meta.helm.sh/release-namespace"] = "trial", namespace
	g.Expect(k8s.Patch(t.Context(), crd, client.MergeFrom(before))).To(Succeed())
	t.Cleanup(func() {
		g.Expect(hub.ServeProfiles(context.Background(), "v1alpha1", "v1alpha1")).To(Succeed())
		changed := &apiextensionsv1.CustomResourceDefinition{}
		g.Expect(k8s.Get(context.Background(), client.ObjectKey{Name: name}, changed)).To(Succeed())
		changed.Labels, changed.Annotations, changed.Spec.Versions = before.Labels, before.Annotations, before.Spec.Versions
		g.Expect(k8s.Update(context.Background(), changed)).To(Succeed())
	})
	manifest := "kind: CustomResourceDefinition\nmetadata:\n"
	printed, err := dryRun(t, "")
	g.Expect(err).NotTo(HaveOccurred(), printed)
	g.Expect(printed).To(ContainSubstring(manifest), "one of ours is a part of the release")

	g.Expect(hub.ServeProfiles(t.Context(), "v1alpha1", "v1alpha1", "v1alpha2")).To(Succeed())
	printed, err = dryRun(t, "")
	g.Expect(err).NotTo(HaveOccurred(), printed)
	g.Expect(printed).NotTo(ContainSubstring(manifest), "v1alpha2 would be gone")
	printed, err = dryRun(t, "clusterProfileCRD: {install: always}")
	g.Expect(err).To(HaveOccurred())
	g.Expect(printed).To(ContainSubstring("clusterProfileCRD.install: the hub's CustomResourceDefinition " + name + " has v1alpha2"))
}
