// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Who has come by the chart goes on with kustomize: `make deploy` gives the same rights, and takes the same profiles over without
// a write; `make undeploy` withdraws them and leaves nothing but the ClusterProfile API.
//
// This disturbs all other stories, so it goes before them.
func TestKustomizeTakesOver(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("SKIPPED: make deploy needs kubectl, and there is none")
	}
	g := NewWithT(t)
	fleet := sharedFleet(t)
	before := fleet.waitHealthy(t)
	product := installed(t)
	product.putBack(t)
	target := func(ctx context.Context, target string) {
		t.Helper()
		step(t, "make %s", target)
		if _, err := run(
			ctx,
			[]string{"KUBECONFIG=" + hub.kubeconfig},
			"make",
			target,
			"REGISTRY="+registry,
			"TAG="+product.tag,
		); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			target(context.Background(), "undeploy")
		}
	})
	step(t, "Uninstalling the chart, without its hooks")
	g.Expect(<-product.uninstalled(t.Context(), "--no-hooks")).To(Succeed())

	target(t.Context(), "deploy")
	letConsumerReadSecrets(t)
	expectRights(t, readRights(t))
	for _, component := range []string{"publisher", "consumer"} {
		g.Eventually(func(g Gomega) { g.Expect(deployment(g, component).Status.ReadyReplicas).To(BeEquivalentTo(1)) }).Should(Succeed())
	}
	fleet.expectServed(t)
	fleet.expectUnwritten(g, before)

	target(t.Context(), "undeploy")
	step(t, "All is gone but the ClusterProfile API")
	g.Expect(publishedProfiles(g)).To(BeEmpty())
	gone := func(object client.Object, name string) {
		err := k8s.Get(t.Context(), client.ObjectKey{Name: name}, object)
		g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%T %s: %v", object, name, err)
	}
	gone(&corev1.Namespace{}, systemNamespace)
	for _, crd := range ourCRDs {
		gone(&apiextensionsv1.CustomResourceDefinition{}, crd)
	}
	for _, role := range []string{"publisher", "consumer", "publisher-aggregated", "consumer-secrets", "metrics-reader"} {
		gone(&rbacv1.ClusterRole{}, "capi-inventory-"+role)
		gone(&rbacv1.ClusterRoleBinding{}, "capi-inventory-"+role)
	}
	key := client.ObjectKey{Name: "clusterprofiles.multicluster.x-k8s.io"}
	g.Expect(k8s.Get(t.Context(), key, &apiextensionsv1.CustomResourceDefinition{})).
		To(Succeed())
}
