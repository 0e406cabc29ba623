// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/assets"
)

// TestSpokeGoesDownAndRecovers: the check and the Events of a spoke that goes down and recovers.
func TestSpokeGoesDownAndRecovers(t *testing.T) {
	server := apiserver.StartFor(t)
	f := newFleet(t)
	// First the profile: between its creation and its status it has no access provider, of which there would be an Event.
	f.publish("a", server.Config())
	f.watch()
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	up := f.check("a")

	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonConnectFailed))
	down := f.check("a")
	if down.Status.KubernetesVersion != assets.KubernetesVersion || down.Status.User != "admin" {
		t.Errorf("what was known of the spoke was lost: %+v", down.Status)
	}
	want := "The server " + hostOf(server.Config()) + " refuses connections: nothing listens there"
	if diff := cmp.Diff(want, reachable(down.Status).Message); diff != "" {
		t.Errorf("message -want +got:\n%s", diff)
	}

	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	if again := f.check("a"); again.UID != up.UID || again.Generation != up.Generation {
		t.Error("the check was created again, or its metadata written")
	}
	// Repeated Events become one with a series. On its way up, the server may have been seen not ready.
	f.g.Eventually(func() []string { return f.events("a") }).Should(gomega.And(
		gomega.ContainElements("Normal Reachable, again", "Warning ConnectFailed"),
		gomega.HaveEach(gomega.BeElementOf("Normal Reachable, again", "Warning ConnectFailed", "Warning NotReady")),
	))
}

// events returns the types and reasons of the Events of a profile, in order, and whether they were repeated.
func (f *fleet) events(profile string) []string {
	var list eventsv1.EventList
	if err := hubClient.List(f.t.Context(), &list, client.InNamespace(f.namespace)); err != nil {
		f.t.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b eventsv1.Event) int { return a.EventTime.Compare(b.EventTime.Time) })
	var got []string
	for _, event := range list.Items {
		if event.Regarding.Name == profile && event.Regarding.Kind == "ClusterProfile" {
			again := ""
			if event.Series != nil {
				again = ", again"
			}
			got = append(got, event.Type+" "+event.Reason+again)
		}
	}
	return got
}

// TestChangesOfAccessAndHealthTriggerProbes: changes of a profile's access and health trigger a probe at once, other changes do not.
func TestChangesOfAccessAndHealthTriggerProbes(t *testing.T) {
	f := newFleet(t)
	stub := &script{check: func(_ context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
		return spoke.Result{Server: profile.Status.AccessProviders[0].Cluster.Server}
	}}
	profile := f.offer("a", offering("p", &rest.Config{Host: "https://one"}))
	f.watch(func(r *Reconciler) { r.Checker, r.Options.Interval = stub, time.Hour })
	server := func() string {
		if check := f.check("a"); check != nil {
			return check.Status.Server
		}
		return ""
	}
	f.g.Eventually(server).Should(gomega.Equal("https://one"))
	f.update(profile, func(status *inventoryv1alpha1.ClusterProfileStatus) {
		status.Properties = []inventoryv1alpha1.Property{{Name: "nodes", Value: "3"}}
	})
	profile.Labels = map[string]string{v1alpha1.LabelInventoryMemberID: "m"}
	status := profile.Status
	if err := hubClient.Update(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	profile.Status = status
	// The label is written into the check without another probe; by then, the change before it has been processed too.
	f.g.Eventually(func() string { return f.check("a").Status.MemberID }).Should(gomega.Equal("m"))
	if got := stub.total(); got != 1 {
		t.Errorf("%d probes, though the access did not change", got)
	}
	f.update(profile, func(status *inventoryv1alpha1.ClusterProfileStatus) {
		status.Conditions = []metav1.Condition{
			{Type: "ControlPlaneHealthy", Status: metav1.ConditionFalse, Reason: "R", LastTransitionTime: metav1.Now()},
		}
	})
	f.g.Eventually(stub.total).Should(gomega.Equal(2), "the health in the profile has changed, and no probe followed")
	f.update(profile, func(status *inventoryv1alpha1.ClusterProfileStatus) {
		status.AccessProviders[0].Cluster.Server = "https://two"
	})
	f.g.Eventually(server).Should(gomega.Equal("https://two"))
}

// TestProbeTimeInTheFutureIsOverwritten: a check that was written by a fast clock, or forged, is written again with the right time.
func TestProbeTimeInTheFutureIsOverwritten(t *testing.T) {
	f := newFleet(t)
	f.offer("a", offering("p", &rest.Config{Host: "https://a"}))
	f.watch(func(r *Reconciler) { r.Checker, r.Options.Interval = wellBehaved(), time.Hour })
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	check := f.check("a")
	check.Status.LastProbeTime = &metav1.Time{Time: time.Now().Add(24 * time.Hour)}
	if err := hubClient.Status().Update(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	f.g.Eventually(func() bool { return f.check("a").Status.LastProbeTime.After(time.Now().Add(time.Hour)) }).Should(gomega.BeFalse())
	if got := f.check("a").Status.HeartbeatSeconds; got != 3960 {
		t.Errorf("a heartbeat of %ds, for an interval of an hour and its jitter", got)
	}
}

// TestExpiryIsReported: the expirations that a probe finds are in the check and in an Event.
func TestExpiryIsReported(t *testing.T) {
	f := newFleet(t)
	soon := time.Now().Add(10 * oneDay).Truncate(time.Second).UTC()
	stub := &script{check: func(_ context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
		return spoke.Result{Server: "https://a", Result: probe.Result{Expirations: []probe.Expiration{
			{What: v1alpha1.ExpiringServingCertificate, At: soon.Add(oneYear), Lifetime: oneYear},
			{What: v1alpha1.ExpiringClientCertificate, At: soon, Lifetime: oneYear},
		}}}
	}}
	f.offer("a", offering("p", &rest.Config{Host: "https://a"}))
	f.watch(func(r *Reconciler) { r.Checker = stub })
	f.g.Eventually(func() []string { return f.events("a") }).Should(gomega.ConsistOf("Normal Reachable", "Warning ExpiresSoon"))
	f.g.Eventually(stub.total).Should(gomega.BeNumerically(">", 3))
	got := f.check("a").Status
	want := []v1alpha1.Expiration{
		{Kind: v1alpha1.ExpiringClientCertificate, Time: metav1.NewTime(soon)},
		{Kind: v1alpha1.ExpiringServingCertificate, Time: metav1.NewTime(soon.Add(oneYear))},
	}
	if diff := cmp.Diff(want, got.Expirations); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Expires == nil || !got.Expires.Time.Equal(soon) {
		t.Errorf("expires %v, want %s", got.Expires, soon)
	}
}

// TestProbeOfOldAccessIsCancelled: a probe does not continue when its access was changed.
func TestProbeOfOldAccessIsCancelled(t *testing.T) {
	f := newFleet(t)
	stub := &script{check: func(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
		server := profile.Status.AccessProviders[0].Cluster.Server
		if server == "https://hangs" {
			<-ctx.Done()
		}
		return spoke.Result{Server: server}
	}}
	profile := f.offer("a", offering("p", &rest.Config{Host: "https://hangs"}))
	f.watch(func(r *Reconciler) { r.Checker, r.Options.Interval = stub, time.Hour })
	f.g.Eventually(stub.total).Should(gomega.BeNumerically(">", 0))
	f.update(profile, func(status *inventoryv1alpha1.ClusterProfileStatus) {
		status.AccessProviders[0].Cluster.Server = "https://works"
	})
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	if got := f.check("a").Status.Server; got != "https://works" {
		t.Errorf("the check reports %s", got)
	}
}

// TestRotatedCredentialsAreUsed: rotated credentials are used without a restart, and without a change of the check.
func TestRotatedCredentialsAreUsed(t *testing.T) {
	f := newFleet(t)
	old, revoke := token(t, "rotation-old")
	f.publish("a", withToken(old))
	f.watch()
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	since := reachable(f.check("a").Status).LastTransitionTime

	next, _ := token(t, "rotation-new")
	var secret corev1.Secret
	if err := hubClient.Get(t.Context(), client.ObjectKey{Namespace: f.namespace, Name: "a-kubeconfig"}, &secret); err != nil {
		t.Fatal(err)
	}
	secret.Data["value"] = kubeconfigOf(withToken(next))
	if err := hubClient.Update(t.Context(), &secret); err != nil {
		t.Fatal(err)
	}
	revoke()
	f.g.Eventually(func() string { return f.check("a").Status.User }).Should(gomega.Equal("system:serviceaccount:default:rotation-new"))
	if got := reachable(f.check("a").Status); got.Status != metav1.ConditionTrue || !got.LastTransitionTime.Equal(&since) {
		t.Errorf("the rotation changed the check: %+v", got)
	}
	if diff := cmp.Diff([]string{"Normal Reachable"}, f.events("a")); diff != "" {
		t.Errorf("events -want +got:\n%s", diff)
	}
}

// TestPluginsOfProfilesAreIsolated: profiles pass different variables to one plugin. With the library alone, the second spoke
// is dialled with the credentials of the first.
func TestPluginsOfProfilesAreIsolated(t *testing.T) {
	f := newFleet(t)
	tokens := t.TempDir()
	reader := shell("per-cluster", `cat "$1/$CLUSTER"`, tokens)
	reader["profileSourcedEnvVarsPolicy"] = "AppendIfNotExists"
	reader["profileSourcedEnvVarsAllowed"] = []string{"CLUSTER"}
	names := []string{"apart-a", "apart-b", "apart-c"}
	for _, name := range names {
		bearer, _ := token(t, name)
		if err := os.WriteFile(filepath.Join(tokens, name), []byte(execCredential(bearer)), 0o600); err != nil {
			t.Fatal(err)
		}
		f.offer(
			name,
			offering(
				"per-cluster",
				spokeServer.Config(),
				"clusterprofiles.multicluster.x-k8s.io/exec/additional-envs",
				fmt.Sprintf(`{"CLUSTER":%q}`, name),
			),
		)
	}
	f.watch(func(r *Reconciler) { r.Checker = f.checker(reader) })
	for _, name := range names {
		f.g.Eventually(f.reason(name)).Should(gomega.Equal(v1alpha1.ReasonReachable))
		if got, want := f.check(name).Status.User, "system:serviceaccount:default:"+name; got != want {
			t.Errorf("%s was dialled as %s", name, got)
		}
	}
}

// TestUnchangedCheckIsNotWritten: nothing is written before the heartbeat if nothing changed, also after a restart.
func TestUnchangedCheckIsNotWritten(t *testing.T) {
	f := newFleet(t)
	clock := clocktesting.NewFakeClock(time.Now())
	stub := &script{check: func(context.Context, *inventoryv1alpha1.ClusterProfile) spoke.Result {
		return spoke.Result{Provider: "p", Server: "https://a", Result: probe.Result{Failure: failure.New(v1alpha1.ReasonNotReady, "No")}}
	}}
	watch := func() (stop func()) {
		return f.watch(func(r *Reconciler) {
			r.Checker, r.Clock, r.Options.Interval = stub, clock, 10*time.Second
		})
	}
	f.offer("a", offering("p", &rest.Config{Host: "https://a"}))
	stop := watch()
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonNotReady))
	first := f.check("a")
	// probeMore steps the clock until so many more probes have run.
	probeMore := func(more int) {
		until := stub.total() + more
		f.g.Eventually(func() int {
			clock.Step(time.Second)
			return stub.total()
		}).WithPolling(2 * time.Millisecond).Should(gomega.BeNumerically(">=", until))
	}
	probeMore(3)
	stop()
	watch()
	probeMore(3)
	if passed := clock.Since(first.Status.LastProbeTime.Time); passed >= 5*time.Minute {
		t.Fatalf("the test stepped the clock by %s", passed)
	}
	if got := f.check("a"); got.ResourceVersion != first.ResourceVersion {
		t.Errorf("written though nothing changed:\n%s", cmp.Diff(first, got))
	}
	f.g.Eventually(func() string {
		probeMore(1)
		return f.check("a").ResourceVersion
	}).ShouldNot(gomega.Equal(first.ResourceVersion))
	heartbeat := f.check("a")
	// The last probe before the five minutes have passed is written, so that no more than those are between two writes.
	if since := heartbeat.Status.LastProbeTime.Sub(first.Status.LastProbeTime.Time); since < 5*time.Minute-13*time.Second ||
		since > 5*time.Minute+time.Second {
		t.Errorf("the heartbeat came after %s", since)
	}
	if diff := cmp.Diff(first.Status.Conditions, heartbeat.Status.Conditions); diff != "" {
		t.Errorf("a heartbeat changed the conditions -first +now:\n%s", diff)
	}
}

// TestDeletedCheckIsRestored: a check that was deleted is written again, without another probe.
func TestDeletedCheckIsRestored(t *testing.T) {
	f := newFleet(t)
	stub := &script{check: func(context.Context, *inventoryv1alpha1.ClusterProfile) spoke.Result {
		return spoke.Result{Server: "https://a"}
	}}
	f.offer("a", offering("p", &rest.Config{Host: "https://a"}))
	f.watch(func(r *Reconciler) { r.Checker, r.Options.Interval = stub, time.Hour })
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	check := f.check("a")
	if err := hubClient.Delete(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	f.g.Eventually(f.reason("a")).Should(gomega.Equal(v1alpha1.ReasonReachable))
	if f.check("a").UID == check.UID {
		t.Error("the check was not deleted in the first place")
	}
	if got := stub.total(); got != 1 {
		t.Errorf("%d probes for a report that was known", got)
	}
}
