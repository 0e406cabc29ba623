// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/uninstall"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

func TestUninstallWithdrawsProfiles(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t)
	startPublisher(t, namespace)
	publish(t, namespace, "first", nil)
	publish(t, namespace, "second", nil)

	progress, err := run(t, time.Minute, uninstall.Uninstaller{Lease: lease(namespace)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(progress).To(And(ContainSubstring("Deleting Inventory first."), ContainSubstring("Deleting Inventory second."),
		ContainSubstring("Inventory first is withdrawn."), ContainSubstring("Inventory second is withdrawn.")))
	var inventories v1alpha1.InventoryList
	g.Expect(k8s.List(t.Context(), &inventories)).To(Succeed())
	g.Expect(inventories.Items).To(BeEmpty())
	var profiles inventoryv1alpha1.ClusterProfileList
	g.Expect(k8s.List(t.Context(), &profiles)).To(Succeed())
	g.Expect(profiles.Items).To(BeEmpty())
}

func TestUninstallWithdrawsSelectedInventories(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t)
	startPublisher(t, namespace)
	publish(t, namespace, "mine", map[string]string{"owner": "me"})
	others := publish(t, namespace, "theirs", nil)

	progress, err := run(t, time.Minute, uninstall.Uninstaller{Lease: lease(namespace), Selector: mustParse(t, "owner=me")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(progress).To(And(ContainSubstring("mine"), Not(ContainSubstring("theirs"))))
	g.Expect(apierrors.IsNotFound(k8s.Get(t.Context(), client.ObjectKey{Name: "mine"}, &v1alpha1.Inventory{}))).To(BeTrue())
	g.Expect(k8s.Get(t.Context(), others, &inventoryv1alpha1.ClusterProfile{})).To(Succeed())
}

func TestUninstallReportsFinalizers(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t)
	startPublisher(t, namespace)
	key := publish(t, namespace, "held", nil)
	finalizers := func(list string) {
		profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
		g.Expect(
			k8s.Patch(contextOf(t), profile, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":`+list+`}}`))),
		).To(
			Succeed(),
		)
	}
	finalizers(`["consumer.example.com/clean-up"]`)

	_, err := run(t, 5*time.Second, uninstall.Uninstaller{Lease: lease(namespace)})
	g.Expect(err).To(
		MatchError(
			And(ContainSubstring("Inventory held"), ContainSubstring("the finalizer consumer.example.com/clean-up holds "+key.String()),
				ContainSubstring("remove its finalizer by hand"), Not(ContainSubstring("Is the publisher running?"))),
		),
	)

	finalizers("null")
	_, err = run(t, time.Minute, uninstall.Uninstaller{Lease: lease(namespace)})
	g.Expect(err).NotTo(HaveOccurred(), "it can be repeated")
}

func TestUninstallNeedsAPublisher(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t)
	stop := startPublisher(t, namespace)
	publish(t, namespace, "alone", nil)
	stop()

	_, err := run(t, 3*time.Second, uninstall.Uninstaller{Lease: lease(namespace)})
	g.Expect(err).To(MatchError(ContainSubstring("the Lease " + lease(namespace).String() + " is not renewed")))
	elsewhere := types.NamespacedName{Namespace: namespace, Name: "another"}
	_, err = run(t, time.Second, uninstall.Uninstaller{Lease: elsewhere})
	g.Expect(err).To(MatchError(ContainSubstring("there is no Lease " + elsewhere.String())))
	var inventory v1alpha1.Inventory
	g.Expect(k8s.Get(t.Context(), client.ObjectKey{Name: "alone"}, &inventory)).To(Succeed())
	g.Expect(inventory.DeletionTimestamp).To(BeNil())

	t.Run("unless no Lease is named", func(t *testing.T) {
		g := NewWithT(t)
		_, err := run(t, 2*time.Second, uninstall.Uninstaller{})
		g.Expect(err).To(MatchError(And(ContainSubstring("Inventory alone: the publisher has "+
			"not withdrawn 1 profile yet"), ContainSubstring("Is the publisher running?"))))
	})
}

func TestUninstallWithoutProfiles(t *testing.T) {
	t.Run("by an Inventory that no publisher has seen", func(t *testing.T) {
		g := NewWithT(t)
		namespace := newNamespace(t)
		g.Expect(k8s.Create(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "unseen"}})).To(Succeed())
		_, err := run(t, 5*time.Second, uninstall.Uninstaller{Lease: lease(namespace)})
		g.Expect(err).NotTo(HaveOccurred())
	})
	t.Run("without an Inventory", func(t *testing.T) {
		g := NewWithT(t)
		progress, err := run(t, 5*time.Second, uninstall.Uninstaller{Lease: lease("nowhere")})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(progress).To(Equal("There is no Inventory: nothing is published.\n"))
	})
	t.Run("on a hub without the API", func(t *testing.T) {
		g := NewWithT(t)
		bare := apiserver.StartFor(t)
		hub, err := client.New(bare.Config(), client.Options{Scheme: newScheme()})
		g.Expect(err).NotTo(HaveOccurred())
		progress, err := run(t, 5*time.Second, uninstall.Uninstaller{Hub: hub, Lease: lease("nowhere")})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(progress).To(ContainSubstring("nothing is published"))
	})
}

func TestUninstallReportsMissingPermission(t *testing.T) {
	g := NewWithT(t)
	config, err := hub.As("nobody")
	g.Expect(err).NotTo(HaveOccurred())
	denied, err := client.New(config, client.Options{Scheme: newScheme()})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = run(t, time.Minute, uninstall.Uninstaller{Hub: denied})
	g.Expect(err).To(MatchError(ContainSubstring("listing Inventories")))
}

func mustParse(t *testing.T, selector string) labels.Selector {
	t.Helper()
	parsed, err := labels.Parse(selector)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// run withdraws and returns the progress.
func run(t *testing.T, timeout time.Duration, w uninstall.Uninstaller) (string, error) {
	t.Helper()
	var progress bytes.Buffer
	w.Progress = &progress
	if w.Hub == nil {
		w.Hub = k8s
	}
	if w.Selector == nil {
		w.Selector = labels.Everything()
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	err := w.Run(ctx)
	t.Logf("progress:\n%serror: %v", &progress, err)
	return progress.String(), err
}
