// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	testoutput "github.com/capi-inventory/capi-inventory/test/output"
)

// screen is written by a command and read by a test concurrently.
type screen struct{ testoutput.Buffer }

// lines returns the rows so far, with single spaces and without the age.
func (s *screen) lines() []string {
	var rows []string
	for line := range strings.Lines(s.String()) {
		fields := strings.Fields(line)
		if last := len(fields) - 1; fields[last] == "3d" {
			fields = fields[:last]
		}
		rows = append(rows, strings.Join(fields, " "))
	}
	return rows
}

func TestWatch(t *testing.T) {
	g := gomega.NewWithT(t)
	g.SetDefaultEventuallyTimeout(2 * time.Minute)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "watched-"}}
	must(t, env.k8s.Create(t.Context(), namespace))
	newProfile := func(name string) *inventoryv1alpha1.ClusterProfile {
		p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: name}}
		p.Spec.ClusterManager.Name = "test"
		must(t, env.k8s.Create(t.Context(), p))
		// Other tests read all namespaces.
		t.Cleanup(func() { must(t, client.IgnoreNotFound(env.k8s.Delete(context.Background(), p))) })
		return p
	}
	london := newProfile("london")

	var out screen
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	streams := genericiooptions.IOStreams{Out: &out, ErrOut: &out}
	go func() {
		ended <- run(ctx, streams, later, []string{"list", "--watch", "--kubeconfig", in("hub.kubeconfig"), "-n", namespace.Name})
	}()
	want := []string{
		"NAME NAMESPACE MANAGER VERSION HEALTHY REACHABLE AGE",
		"london " + namespace.Name + " test <none> <none> <none>",
	}
	g.Eventually(out.lines).Should(gomega.Equal(want), "the initial state is printed first")

	london.Status.Version.Kubernetes = "v1.36.3"
	london.Status.Conditions = []metav1.Condition{}
	must(t, env.k8s.Status().Update(t.Context(), london))
	want = append(want, "london "+namespace.Name+" test v1.36.3 <none> <none>")
	g.Eventually(out.lines).Should(gomega.Equal(want), "a change of the profile is printed")

	london.Annotations = map[string]string{"note": "not in the table"}
	must(t, env.k8s.Update(t.Context(), london))
	c := &v1alpha1.SpokeCheck{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "london"}}
	must(t, env.k8s.Create(t.Context(), c))
	at := metav1.NewTime(later())
	c.Status.LastProbeTime = &at
	c.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonTLSFailed, LastTransitionTime: at},
	}
	must(t, env.k8s.Status().Update(t.Context(), c))
	want = append(want, "london "+namespace.Name+" test v1.36.3 <none> False(TLSFailed)")
	g.Eventually(out.lines).Should(gomega.Equal(want), "a change of the check is printed, one that is not in the table is not")

	newProfile("paris")
	want = append(want, "paris "+namespace.Name+" test <none> <none> <none>")
	g.Eventually(out.lines).Should(gomega.Equal(want), "a new profile is printed")

	must(t, env.k8s.Delete(t.Context(), london))
	want = append(want, "london "+namespace.Name+" test v1.36.3 <none> False(TLSFailed) deleted")
	g.Eventually(out.lines).Should(gomega.Equal(want), "a deleted profile is printed as deleted")

	stop()
	if code := <-ended; code != 0 {
		t.Errorf("an interrupted watch succeeds; exit code %d", code)
	}
	if diff := cmp.Diff(want, out.lines()); diff != "" {
		t.Errorf("after the end -want +got:\n%s", diff)
	}
}

func TestWatchByName(t *testing.T) {
	g := gomega.NewWithT(t)
	var out screen
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		ended <- run(ctx, genericiooptions.IOStreams{Out: &out, ErrOut: &out}, later,
			[]string{"list", "-w", "--kubeconfig", in("hub.kubeconfig"), "-n", "team-a", "paris", "argocd/team-a--london"})
	}()
	g.Eventually(out.lines).WithTimeout(2 * time.Minute).Should(gomega.Equal([]string{
		"NAME NAMESPACE MANAGER VERSION HEALTHY REACHABLE AGE",
		"team-a--london argocd cluster-api v1.36.3 True <none>",
		"paris team-a cluster-api v1.35.1 Unknown False(ConnectFailed)",
	}))
	stop()
	<-ended
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
