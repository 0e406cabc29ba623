// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// wellBehaved is a Checker that finds every spoke reachable.
func wellBehaved() *script {
	return &script{check: func(_ context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
		return spoke.Result{Provider: "p", Server: profile.Status.AccessProviders[0].Cluster.Server}
	}}
}

// TestCheckIsDeletedWithItsProfile: a check is deleted with its profile, although the hub of these tests has no garbage collector.
func TestCheckIsDeletedWithItsProfile(t *testing.T) {
	f := newFleet(t)
	stub := wellBehaved()
	profile := f.offer("a", offering("p", &rest.Config{Host: "https://a"}))
	f.watch(func(r *Reconciler) { r.Checker = stub })
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	first := f.check("a")
	if owner := first.OwnerReferences; len(owner) != 1 || owner[0].UID != profile.UID || owner[0].BlockOwnerDeletion != nil ||
		owner[0].Controller != nil {
		t.Errorf("owner: %+v", owner)
	}
	if err := hubClient.Delete(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	f.g.Eventually(func() *v1alpha1.SpokeCheck { return f.check("a") }).Should(gomega.BeNil())
	f.g.Eventually(func() int {
		stub.mu.Lock()
		defer stub.mu.Unlock()
		return stub.forgotten[types.NamespacedName{Namespace: f.namespace, Name: "a"}]
	}).Should(gomega.BeNumerically(">", 0), "the credentials must be dropped")
}

// TestRecreatedProfileGetsNewCheck: a profile that is created again is another member, and gets another check.
func TestRecreatedProfileGetsNewCheck(t *testing.T) {
	f := newFleet(t)
	profile := f.offer("a", offering("p", &rest.Config{Host: "https://old"}))
	stop := f.watch(func(r *Reconciler) { r.Checker = wellBehaved() })
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	old := f.check("a")
	// The consumer does not see the profile go.
	stop()
	if err := hubClient.Delete(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	recreated := f.offer("a", offering("p", &rest.Config{Host: "https://new"}))
	f.watch(func(r *Reconciler) { r.Checker = wellBehaved() })
	f.g.Eventually(func() string {
		if check := f.check("a"); check != nil && check.UID != old.UID && len(check.OwnerReferences) == 1 &&
			check.OwnerReferences[0].UID == recreated.UID {
			return check.Status.Server
		}
		return ""
	}).Should(gomega.Equal("https://new"))
}

// TestOrphanedChecksAreDeleted: at start, checks without a profile are deleted; those that were created by hand stay.
func TestOrphanedChecksAreDeleted(t *testing.T) {
	f := newFleet(t)
	orphan := &v1alpha1.SpokeCheck{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "orphan", OwnerReferences: []metav1.OwnerReference{{
			APIVersion: inventoryv1alpha1.GroupVersion.String(), Kind: "ClusterProfile", Name: "orphan", UID: "0",
		}}},
	}
	byHand := &v1alpha1.SpokeCheck{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "by-hand"}}
	for _, check := range []*v1alpha1.SpokeCheck{orphan, byHand} {
		if err := hubClient.Create(t.Context(), check); err != nil {
			t.Fatal(err)
		}
	}
	f.offer("a", offering("p", &rest.Config{Host: "https://a"}))
	f.watch(func(r *Reconciler) { r.Checker = wellBehaved() })
	f.g.Eventually(func() *v1alpha1.SpokeCheck { return f.check("orphan") }).Should(gomega.BeNil())
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	if f.check("by-hand") == nil {
		t.Error("a check that was created by hand was deleted")
	}
}

// TestFilterSelectsProfiles: spokes of profiles that are not selected are not dialled, and the check of a profile that is not selected
// any more is deleted.
func TestFilterSelectsProfiles(t *testing.T) {
	f := newFleet(t)
	stub := wellBehaved()
	mine := f.offer("mine", offering("p", &rest.Config{Host: "https://a"}))
	other := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "other"}}
	other.Spec.ClusterManager.Name = "another"
	if err := hubClient.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	selector, err := labels.Parse("!ignore")
	if err != nil {
		t.Fatal(err)
	}
	f.watch(func(r *Reconciler) {
		r.Checker, r.Options.Filter = stub, Filter{Selector: selector, ClusterManager: "test"}
	})
	f.g.Eventually(f.reason("mine")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	mine.Labels = map[string]string{"ignore": "true"}
	if err := hubClient.Update(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	f.g.Eventually(func() *v1alpha1.SpokeCheck { return f.check("mine") }).Should(gomega.BeNil())
	if f.check("other") != nil {
		t.Error("the profile of another manager was dialled")
	}
}

// TestOneOfTwoConsumersReports: two consumers with different results do not overwrite each other; the second takes over when the first
// is gone.
func TestOneOfTwoConsumersReports(t *testing.T) {
	f := newFleet(t)
	blind := &script{check: func(context.Context, *inventoryv1alpha1.ClusterProfile) spoke.Result {
		return spoke.Result{Result: probe.Result{Failure: failure.New(v1alpha1.ReasonConnectFailed, "Not from here")}}
	}}
	instance := func(name string, checker Checker) setting {
		return func(r *Reconciler) {
			r.Checker, r.Options.Name, r.Options.Interval, r.Options.Heartbeat = checker, name, 200*time.Millisecond, time.Second
		}
	}
	f.offer("a", offering("p", &rest.Config{Host: "https://a"}))
	stop := f.watch(instance("one", wellBehaved()))
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	f.watch(instance("two", blind))
	f.g.Eventually(blind.total).Should(gomega.BeNumerically(">", 3))
	held := f.check("a")
	if reachable(held.Status).Reason != v1alpha1.ReasonReachable || !reportedBy(held, "one") || reportedBy(held, "two") {
		t.Errorf("the second has taken the check from the first: %+v", held)
	}
	// The first continues to write, though the second has another result.
	f.g.Eventually(func() bool { return f.check("a").Status.LastProbeTime.After(held.Status.LastProbeTime.Time) }).Should(gomega.BeTrue())
	if got := f.reason("a")(); got != v1alpha1.ReasonReachable {
		t.Errorf("the second has written: %s", got)
	}
	stop()
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonConnectFailed))
	if taken := f.check("a"); !reportedBy(taken, "two") {
		t.Errorf("managers: %+v", taken.ManagedFields)
	}
}

// TestConsumerWaitsForCRDs: a consumer may be started before the CRDs are installed.
func TestConsumerWaitsForCRDs(t *testing.T) {
	bare := apiserver.StartFor(t)
	health := freeAddress(t)
	mgr := newManager(t, bare.Config(), "", func(options *ctrl.Options) { options.HealthProbeBindAddress = health })
	start(t, mgr, newReconciler(mgr, &script{check: func(context.Context, *inventoryv1alpha1.ClusterProfile) spoke.Result {
		return spoke.Result{}
	}}))
	readyz := func() (string, error) {
		response, err := http.Get("http://" + health + "/readyz?verbose")
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(response.Body)
		return response.Status + " " + string(body), errors.Join(err, response.Body.Close())
	}
	g := gomega.NewWithT(t)
	g.SetDefaultEventuallyTimeout(2 * time.Minute)
	g.Eventually(readyz).Should(gomega.And(
		gomega.ContainSubstring("500"),
		gomega.ContainSubstring("[-]clusterprofiles.multicluster.x-k8s.io"),
		gomega.ContainSubstring("[-]spokechecks.capi-inventory.dev"),
	), "not ready without the CRDs, and the missing ones are named")
	if err := bare.Install(apiserver.Ours); err != nil {
		t.Fatal(err)
	}
	g.Eventually(readyz).Should(gomega.And(
		gomega.ContainSubstring("500"),
		gomega.ContainSubstring("[-]clusterprofiles"),
		gomega.ContainSubstring("[+]spokechecks"),
	))
	if err := bare.Install(apiserver.ClusterProfiles); err != nil {
		t.Fatal(err)
	}
	g.Eventually(readyz).Should(gomega.ContainSubstring("200 OK"))
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "a"}}
	profile.Spec.ClusterManager.Name = "test"
	if err := mgr.GetClient().Create(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	var check v1alpha1.SpokeCheck
	g.Eventually(func() error {
		return mgr.GetAPIReader().Get(t.Context(), types.NamespacedName{Namespace: "default", Name: "a"}, &check)
	}).WithTimeout(2 * time.Minute).Should(gomega.Succeed())
}
