// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// With uninstall.profiles=keep nothing is withdrawn when the chart is uninstalled, and the next installation takes the same
// profiles over, without a write.
//
// This disturbs all other stories, so it goes before them.
func TestUninstallingKeepsProfiles(t *testing.T) {
	g := NewWithT(t)
	fleet := sharedFleet(t)
	before := fleet.waitHealthy(t)
	product := installed(t)
	product.putBack(t)

	g.Expect(product.chart(t.Context(), "upgrade", "uninstall.profiles=keep")).To(Succeed())
	step(t, "Uninstalling the chart, which is to keep what is published")
	g.Expect(<-product.uninstalled(t.Context())).To(Succeed())
	err := k8s.Get(t.Context(), client.ObjectKey{Namespace: systemNamespace, Name: "capi-inventory-publisher"}, &appsv1.Deployment{})
	g.Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
	g.Expect(read(g, client.ObjectKey{Name: "default"}, &v1alpha1.Inventory{}).DeletionTimestamp).To(BeNil())
	g.Consistently(func(g Gomega) { fleet.expectUnwritten(g, before) }).Should(Succeed())

	step(t, "Installing the chart again")
	g.Expect(product.chart(t.Context(), "install")).To(Succeed())
	fleet.expectServed(t)
	fleet.expectUnwritten(g, before)
}
