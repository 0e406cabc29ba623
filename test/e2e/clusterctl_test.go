// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Who has come by the chart goes on with clusterctl: `clusterctl init --addon` gives the same rights, and takes the same profiles
// over without a write; so does `clusterctl upgrade`. When the Inventories are deleted, and with them the profiles, `clusterctl
// delete` leaves what docs/install.md says it leaves.
//
// This disturbs all other stories, so it goes before them.
func TestClusterctlTakesOver(t *testing.T) {
	g := NewWithT(t)
	fleet := sharedFleet(t)
	before := fleet.waitHealthy(t)
	product := installed(t)
	product.putBack(t)
	t.Cleanup(func() { removeAddon(t) })
	ctl := newClusterctl(t)
	ctl.release(t, product, "v0.1.0")
	step(t, "Uninstalling the chart, without its hooks")
	g.Expect(<-product.uninstalled(t.Context(), "--no-hooks")).To(Succeed())

	step(t, "clusterctl init")
	ctl.run(t, "init", "--addon", "capi-inventory:v0.1.0", "--wait-providers")
	letConsumerReadSecrets(t)
	expectRights(t, readRights(t))
	fleet.expectServed(t)
	fleet.expectUnwritten(g, before)

	step(t, "clusterctl upgrade")
	was := lead(g)
	ctl.release(t, product, "v0.1.1")
	ctl.run(t, "upgrade", "apply", "--addon", "capi-inventory:v0.1.1", "--wait-providers")
	g.Eventually(func(g Gomega) { g.Expect(lead(g)).NotTo(Equal(was)) }).Should(Succeed())
	fleet.expectServed(t)
	fleet.expectUnwritten(g, before)

	step(t, "Deleting the Inventories, and clusterctl delete")
	g.Expect(product.removeInventories(t.Context())).To(Succeed())
	g.Expect(publishedProfiles(g)).To(BeEmpty())
	ctl.run(t, "delete", "--addon", "capi-inventory", "--include-crd")
	g.Eventually(func(g Gomega) {
		for _, crd := range ourCRDs {
			err := k8s.Get(t.Context(), client.ObjectKey{Name: crd}, &apiextensionsv1.CustomResourceDefinition{})
			g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%s: %v", crd, err)
		}
	}).Should(Succeed())
	left := &metav1.PartialObjectMetadataList{}
	left.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind("ClusterRoleList"))
	g.Expect(k8s.List(t.Context(), left, ofAddon)).To(Succeed())
	g.Expect(left.Items).NotTo(BeEmpty(), "clusterctl has deleted the ClusterRoles, and docs/install.md says that it does not")
}

// ofAddon is what clusterctl has installed.
var ofAddon = client.MatchingLabels{clusterv1.ProviderNameLabel: "addon-capi-inventory"}

// removeAddon removes what clusterctl has left, or does not delete by default: the chart would not take it for its own.
func removeAddon(t *testing.T) {
	t.Helper()
	if err := freeLead(context.Background()); err != nil {
		t.Error(err)
	}
	for _, object := range []client.Object{&rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}} {
		if err := k8s.DeleteAllOf(context.Background(), object, ofAddon); err != nil {
			t.Error(err)
		}
	}
	for _, object := range []client.Object{
		&appsv1.Deployment{}, &corev1.ServiceAccount{}, &corev1.ConfigMap{}, &rbacv1.Role{}, &rbacv1.RoleBinding{},
	} {
		if err := k8s.DeleteAllOf(context.Background(), object, ofAddon, client.InNamespace(systemNamespace)); err != nil {
			t.Error(err)
		}
	}
	var services corev1.ServiceList
	if err := k8s.List(context.Background(), &services, ofAddon, client.InNamespace(systemNamespace)); err != nil {
		t.Error(err)
	}
	for i := range services.Items {
		if err := removed(context.Background(), &services.Items[i]); err != nil {
			t.Error(err)
		}
	}
}
