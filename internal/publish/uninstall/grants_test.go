// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/publish/uninstall"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// grantOf returns an AccessGrant of an Inventory.
func grantOf(namespace, inventory, class string, finalizers ...string) *v1alpha1.AccessGrant {
	return &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: inventory + ".kubeconfig-secretreader", Finalizers: finalizers,
			Labels: map[string]string{v1alpha1.LabelInventory: inventory},
		},
		Spec: v1alpha1.AccessGrantSpec{
			Inventory: inventory, PublisherClass: class, Provider: "kubeconfig-secretreader", Profile: inventory,
			Cluster:        v1alpha1.GrantedCluster{Namespace: namespace, Name: inventory, UID: "1"},
			ServiceAccount: v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}},
		},
	}
}

// newGrant creates an AccessGrant of an Inventory until the test ends.
func newGrant(t *testing.T, namespace, inventory, class string, finalizers ...string) *v1alpha1.AccessGrant {
	t.Helper()
	grant := grantOf(namespace, inventory, class, finalizers...)
	g := NewWithT(t)
	g.Expect(k8s.Create(t.Context(), grant)).To(Succeed())
	t.Cleanup(func() {
		release(t, grant)
		g.Expect(client.IgnoreNotFound(k8s.Delete(contextOf(t), grant))).To(Succeed())
	})
	return grant
}

// release removes the finalizers of a grant, as the broker does.
func release(t *testing.T, grant *v1alpha1.AccessGrant) {
	t.Helper()
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	NewWithT(t).Expect(client.IgnoreNotFound(k8s.Patch(contextOf(t), grant.DeepCopy(), patch))).To(Succeed())
}

func TestUninstallWaitsForRevocation(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t)
	startPublisher(t, namespace)
	publish(t, namespace, "scoped", nil)
	publish(t, namespace, "theirs", map[string]string{"owner": "them"})
	grant := newGrant(t, namespace, "scoped", "", v1alpha1.FinalizerGrant)
	newGrant(t, namespace, "theirs", "", v1alpha1.FinalizerGrant)
	newGrant(t, namespace, "blue", "blue", v1alpha1.FinalizerGrant)
	newGrant(t, namespace, "unanswered", "")
	grant.Status.User = "system:serviceaccount:capi-inventory-0123:scoped"
	grant.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionTrue, LastTransitionTime: metav1.Now(),
		Reason: v1alpha1.ReasonSpokeUnreachable, Message: "The spoke does not answer.",
	}}
	g.Expect(k8s.Status().Update(t.Context(), grant)).To(Succeed())
	// As the garbage collector does after the profile.
	g.Expect(k8s.Delete(t.Context(), grant)).To(Succeed())

	mine := uninstall.Uninstaller{Lease: lease(namespace), Selector: mustParse(t, "owner!=them")}
	says := And(
		ContainSubstring("timed out waiting for access to be revoked:\n  Inventory scoped: 1 AccessGrant is not revoked yet: "+
			namespace+"/"+grant.Name+" (SpokeUnreachable: The spoke does not answer.), in the spoke's namespace capi-inventory-0123."),
		ContainSubstring("remove the finalizer capi-inventory.dev/grant by hand"),
		ContainSubstring("What stays on the spoke is the namespace capi-inventory-<digest>"),
		Not(ContainSubstring("Is the publisher running?")), Not(ContainSubstring("theirs")), Not(ContainSubstring("unanswered")),
		Not(ContainSubstring("blue")),
	)
	progress, err := run(t, 20*time.Second, mine)
	g.Expect(err).To(MatchError(says))
	g.Expect(progress).To(ContainSubstring("Deleting Inventory scoped."))
	g.Expect(k8s.Get(t.Context(), client.ObjectKey{Name: "scoped"}, &v1alpha1.Inventory{})).
		To(MatchError(apierrors.IsNotFound, "not found"))

	_, err = run(t, 3*time.Second, mine)
	g.Expect(err).To(MatchError(says), "the access of an Inventory that is gone is waited for when it is repeated")

	release(t, grant)
	progress, err = run(t, time.Minute, mine)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(progress).To(Equal("There is no Inventory: nothing is published.\n"))
	g.Expect(k8s.Get(t.Context(), client.ObjectKey{Name: "theirs"}, &v1alpha1.Inventory{})).To(Succeed())
}

func TestUninstallNeedsTheRightToSeeGrants(t *testing.T) {
	g := NewWithT(t)
	config, err := hub.As("without-grants")
	g.Expect(err).NotTo(HaveOccurred())
	k8sAs, err := client.New(config, client.Options{Scheme: newScheme()})
	g.Expect(err).NotTo(HaveOccurred())
	name := metav1.ObjectMeta{Name: "without-grants"}
	g.Expect(k8s.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: name, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.SchemeGroupVersion.Group}, Resources: []string{"inventories"}, Verbs: []string{"list", "delete"}},
	}})).To(Succeed())
	g.Expect(k8s.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: name,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "without-grants"}},
	})).To(Succeed())
	g.Eventually(func() error { return k8sAs.List(t.Context(), &v1alpha1.InventoryList{}) }).Should(Succeed())
	kept := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}
	g.Expect(k8s.Create(t.Context(), kept)).To(Succeed())
	t.Cleanup(func() { g.Expect(k8s.Delete(contextOf(t), kept)).To(Succeed()) })

	_, err = run(t, time.Minute, uninstall.Uninstaller{Hub: k8sAs})
	g.Expect(err).To(MatchError(ContainSubstring("listing AccessGrants")))
	g.Expect(k8s.Get(t.Context(), client.ObjectKeyFromObject(kept), kept)).To(Succeed())
	g.Expect(kept.DeletionTimestamp).To(BeNil(), "a right that is missing is noticed before anything is deleted")
}

func TestUninstallWithoutTheAPIOfGrants(t *testing.T) {
	g := NewWithT(t)
	old := apiserver.StartHubFor(t)
	scheme := clusterhub.NewScheme(apiextensionsv1.AddToScheme)
	admin, err := client.New(old.Config(), client.Options{Scheme: scheme})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(admin.Delete(t.Context(), &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "accessgrants.capi-inventory.dev"},
	})).To(Succeed())
	var k8s client.Client
	g.Eventually(func(g Gomega) {
		k8s, err = client.New(old.Config(), client.Options{Scheme: scheme})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(k8s.List(t.Context(), &v1alpha1.AccessGrantList{})).To(MatchError(meta.IsNoMatchError, "no match"))
	}).Should(Succeed())
	g.Expect(k8s.Create(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "default"}})).To(Succeed())

	progress, err := run(t, time.Minute, uninstall.Uninstaller{Hub: k8s})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(progress).To(ContainSubstring("Inventory default is withdrawn."))
}

// TestUninstallReadsAllPages: a list of thousands comes in pages, and all of them count.
func TestUninstallReadsAllPages(t *testing.T) {
	g := NewWithT(t)
	namespace := newNamespace(t)
	const inPages = 251
	errs := make([]error, inPages)
	workqueue.ParallelizeUntil(t.Context(), 8, inPages, func(i int) {
		grant := grantOf(namespace, "gone", "paged", v1alpha1.FinalizerGrant)
		grant.Name = fmt.Sprintf("c%03d.kubeconfig-secretreader", i)
		errs[i] = k8s.Create(t.Context(), grant)
	})
	g.Expect(errors.Join(errs...)).To(Succeed())

	_, err := run(t, 3*time.Second, uninstall.Uninstaller{PublisherClass: "paged"})
	g.Expect(err).To(MatchError(ContainSubstring("251 AccessGrants are not revoked yet: " + namespace + "/c000.")))
	g.Expect(err).To(MatchError(ContainSubstring("and 241 more: kubectl get accessgrants -A")))
}
