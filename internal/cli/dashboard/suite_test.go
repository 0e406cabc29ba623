// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// patience is how long a test waits for a state, on a busy machine.
const patience = 3 * time.Minute

// env is the hub that the tests share. Each has a namespace of its own.
var env struct {
	hub *apiserver.Server
	k8s client.Client
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	apiserver.RunOnHub(m, func(server *apiserver.Server) (err error) {
		env.hub = server
		env.k8s, err = client.New(server.Config(), client.Options{Scheme: hub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme)})
		return err
	})
}

func must(tb testing.TB, errs ...error) {
	tb.Helper()
	if err := errors.Join(errs...); err != nil {
		tb.Fatal(err)
	}
}

func newNamespace(tb testing.TB) string {
	tb.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "team-"}}
	must(tb, env.k8s.Create(tb.Context(), namespace))
	return namespace.Name
}

// newProfile creates a profile of another manager, with a healthy control plane.
func newProfile(
	tb testing.TB,
	namespace, name string,
	changes ...func(*inventoryv1alpha1.ClusterProfile),
) *inventoryv1alpha1.ClusterProfile {
	tb.Helper()
	p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	p.Spec.ClusterManager.Name = "test"
	p.Status.Version.Kubernetes = "v1.36.3"
	p.Status.Conditions = []metav1.Condition{{
		Type:               inventoryv1alpha1.ClusterConditionControlPlaneHealthy,
		Status:             metav1.ConditionTrue,
		Reason:             "ProbeSucceeded",
		LastTransitionTime: metav1.Now(),
	}}
	for _, change := range changes {
		change(p)
	}
	status := p.Status
	must(tb, env.k8s.Create(tb.Context(), p))
	p.Status = status
	must(tb, env.k8s.Status().Update(tb.Context(), p))
	return p
}

// newCheck creates the SpokeCheck of a profile.
func newCheck(tb testing.TB, namespace, name, reason string) *v1alpha1.SpokeCheck {
	tb.Helper()
	check := &v1alpha1.SpokeCheck{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	must(tb, env.k8s.Create(tb.Context(), check))
	report(tb, check, reason)
	return check
}

// report reports the result of a check with the reason.
func report(tb testing.TB, check *v1alpha1.SpokeCheck, reason string) {
	tb.Helper()
	at := metav1.Now()
	status := metav1.ConditionFalse
	if reason == v1alpha1.ReasonReachable {
		status = metav1.ConditionTrue
	}
	check.Status.LastProbeTime, check.Status.HeartbeatSeconds = &at, 3600
	check.Status.Stages = stagesUntil(reason)
	check.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReachable, Status: status, Reason: reason, Message: "as the test wants it", LastTransitionTime: at},
	}
	must(tb, env.k8s.Status().Update(tb.Context(), check))
}

// stagesUntil returns the stages of a check that ended with a reason.
func stagesUntil(reason string) []v1alpha1.CheckStage {
	stages := []v1alpha1.CheckStage{
		{Name: "access"},
		{Name: "plugin", Milliseconds: 40},
		{Name: "resolve", Milliseconds: 2},
		{Name: "connect", Milliseconds: 7},
		{Name: "tls", Milliseconds: 11},
		{Name: "readyz", Milliseconds: 5},
		{Name: "version", Milliseconds: 3},
		{Name: "whoami", Milliseconds: 4},
	}
	last := map[string]string{
		v1alpha1.ReasonConnectFailed: "connect",
		v1alpha1.ReasonTLSFailed:     "tls",
		v1alpha1.ReasonUnauthorized:  "readyz",
	}[reason]
	for i := range stages {
		if stages[i].Name == last {
			return stages[:i+1]
		}
	}
	return stages
}

// as returns a user who may read these resources.
func as(t *testing.T, name string, rules ...rbacv1.PolicyRule) *rest.Config {
	t.Helper()
	allow(t, name, name, rules...)
	config, err := env.hub.As(name)
	must(t, err)
	return config
}

// allow grants rights to a user, by a role of the name.
func allow(t *testing.T, user, name string, rules ...rbacv1.PolicyRule) {
	t.Helper()
	must(t, env.k8s.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}),
		env.k8s.Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		}))
}

// reading is the right to read resources.
func reading(group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"get", "list", "watch"}}
}

// serve runs a dashboard until the test ends.
func serve(tb testing.TB, config *rest.Config, namespace string, changes ...func(*Options)) *Dashboard {
	tb.Helper()
	options := Options{
		Connect: func() (client.WithWatch, error) {
			return client.NewWithWatch(config, client.Options{Scheme: env.k8s.Scheme()})
		},
		Name:      "test hub",
		Namespace: namespace,
		Now:       time.Now,
		Retry:     50 * time.Millisecond,
		Batch:     10 * time.Millisecond,
	}
	for _, change := range changes {
		change(&options)
	}
	d, err := Listen(tb.Context(), options)
	must(tb, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		must(tb, <-ended)
	})
	return d
}

// browser returns a client that has exchanged the token for the cookie.
func browser(tb testing.TB, d *Dashboard) *http.Client {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	must(tb, err)
	one := &http.Client{Jar: jar}
	response, err := one.Get(d.URL())
	must(tb, err)
	must(tb, response.Body.Close())
	if response.StatusCode != http.StatusOK {
		tb.Fatalf("the printed URL is answered with %s", response.Status)
	}
	return one
}
