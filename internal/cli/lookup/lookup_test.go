// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lookup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// hub has profiles in three namespaces, and a user alice who may list those of the namespace a and nothing else.
var hub *apiserver.Server

func TestMain(m *testing.M) {
	apiserver.RunOnHub(m, func(started *apiserver.Server) error {
		hub = started
		return populate(context.Background())
	})
}

func populate(ctx context.Context) error {
	k8s, err := connect(hub.Config())
	if err != nil {
		return err
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "reader"}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{inventoryv1alpha1.Group}, Resources: []string{"clusterprofiles"}, Verbs: []string{"list"},
	}}}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "reader"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "alice"}}}
	objects := []client.Object{
		namespace("a"),
		namespace("b"),
		namespace("many"),
		role,
		binding,
		profile("a", "london", map[string]string{"env": "prod"}),
		profile("a", "paris", nil),
		profile("b", "london", nil),
		profile("b", "prod-eu-1", nil),
	}
	for i := range 501 {
		objects = append(objects, profile("many", fmt.Sprintf("p%03d", i), nil))
	}
	for _, object := range objects {
		if err := k8s.Create(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func profile(namespace, name string, with map[string]string) *inventoryv1alpha1.ClusterProfile {
	p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: with}}
	p.Spec.ClusterManager.Name = "test"
	return p
}

func connect(config *rest.Config) (client.Client, error) {
	config.QPS, config.Burst = 500, 500
	return client.New(config, client.Options{Scheme: clusterhub.NewScheme(clientgoscheme.AddToScheme)})
}

// as returns a client with the rights of a configuration. A client discovers the hub's APIs only once.
func as(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	k8s, err := connect(config)
	must(t, err)
	return k8s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNotServed: a hub with a later version of the API must not get ours in its place.
func TestNotServed(t *testing.T) {
	later := apiserver.StartFor(t)
	must(t, later.Install(func(root string) ([]byte, error) {
		crd, err := os.ReadFile(filepath.Join(root, "config/crd/clusterprofile/upstream.yaml"))
		return bytes.ReplaceAll(crd, []byte("name: v1alpha1"), []byte("name: v1")), err
	}))
	_, err := lookup.Profiles(t.Context(), as(t, later.Config()), lookup.Selection{})
	want := "this cluster serves ClusterProfiles as v1, and this program reads v1alpha1 and v1alpha2: a later release of it is needed"
	if err == nil || err.Error() != want {
		t.Errorf("want %q, got %v", want, err)
	}
}

// mapped is a hub of which nothing but the served versions is known.
type mapped struct {
	client.Reader
	mapper meta.RESTMapper
}

func (m mapped) RESTMapper() meta.RESTMapper { return m.mapper }

// TestServedSince: a later release is needed only for versions that this one does not know.
func TestServedSince(t *testing.T) {
	cases := map[string]struct{ served, want string }{
		"Known": {
			served: "v1alpha2",
			want:   "this cluster serves ClusterProfiles as v1alpha2, which was not known when this program connected: run it again",
		},
		"Unknown": {
			served: "v1",
			want:   "this cluster serves ClusterProfiles as v1, and this program reads v1alpha1 and v1alpha2: a later release of it is needed",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			mapper := meta.NewDefaultRESTMapper(nil)
			mapper.Add(clusterhub.ClusterProfiles.Kind.GroupKind().WithVersion(tc.served), meta.RESTScopeNamespace)
			if got := lookup.NotServed(mapped{mapper: mapper}).Error(); got != tc.want {
				t.Errorf("want %q, got %q", tc.want, got)
			}
		})
	}
}

// TestHint installs the project step by step, and expects the hint for the next step.
func TestHint(t *testing.T) {
	bare := apiserver.StartFor(t)
	k8s, everywhere := as(t, bare.Config()), lookup.Selection{}
	if _, err := lookup.Profiles(t.Context(), k8s, everywhere); !errors.Is(err, lookup.ErrNotInstalled) {
		t.Fatalf("without the API: want ErrNotInstalled, got %v", err)
	}
	inventory := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	report := func(condition metav1.Condition, clusters int32) {
		condition.Type, condition.LastTransitionTime = v1alpha1.ConditionReady, metav1.Now()
		inventory.Status = v1alpha1.InventoryStatus{Clusters: clusters, Conditions: []metav1.Condition{condition}}
		must(t, k8s.Status().Update(t.Context(), inventory))
	}
	for _, step := range []struct {
		done string
		do   func()
		want string
	}{
		{"the API is installed", func() { must(t, bare.Install(apiserver.ClusterProfiles)) },
			"No ClusterProfiles. No cluster manager publishes ClusterProfiles; for Cluster API, install the publisher of " +
				"https://github.com/capi-inventory/capi-inventory."},
		{"the project is installed", func() { must(t, bare.Install(apiserver.Ours)) },
			"No ClusterProfiles. There is no Inventory; this one publishes every Cluster into its own namespace:\n" +
				`  kubectl create -f - <<<'{"apiVersion":"capi-inventory.dev/v1alpha1","kind":"Inventory","metadata":{"name":"default"}}'`},
		{"there is an Inventory", func() { must(t, k8s.Create(t.Context(), inventory)) },
			"No ClusterProfiles. No publisher has processed the Inventory default yet; is it running?"},
		{"the Inventory is invalid", func() {
			report(metav1.Condition{
				Status:  metav1.ConditionFalse,
				Reason:  v1alpha1.ReasonInvalidSpec,
				Message: "spec.clusterSelector: no",
			}, 0)
		}, "No ClusterProfiles. The Inventory default is not ready (InvalidSpec): spec.clusterSelector: no"},
		{
			"the Inventory is valid again",
			func() { report(metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPublished}, 0) },
			"No ClusterProfiles. No Inventory selects a Cluster; are there Clusters, and do their labels match?",
		},
	} {
		step.do()
		k8s = as(t, bare.Config())
		profiles, err := lookup.Profiles(t.Context(), k8s, everywhere)
		if err != nil || len(profiles) > 0 {
			t.Fatalf("%s: %v %v", step.done, profiles, err)
		}
		if diff := cmp.Diff(step.want, lookup.Hint(t.Context(), k8s, everywhere)); diff != "" {
			t.Errorf("%s -want +got:\n%s", step.done, diff)
		}
	}
}

func TestProfiles(t *testing.T) {
	k8s := as(t, hub.Config())
	production, err := labels.Parse("env=prod")
	must(t, err)
	cases := map[string]struct {
		why   string
		scope lookup.Selection
		want  string
		fault string
	}{
		"Namespace": {why: "sorted by name", scope: lookup.Selection{Namespace: "a"}, want: "a/london a/paris"},
		"Selector":  {why: "labels select", scope: lookup.Selection{Selector: production}, want: "a/london"},
		"Name": {
			why:   "duplicates are removed",
			scope: lookup.Selection{Namespace: "a", Names: []string{"paris", "paris"}},
			want:  "a/paris",
		},
		"NameEverywhere": {why: "two namespaces have one", scope: lookup.Selection{Names: []string{"london"}}, want: "a/london b/london"},
		"Qualified": {
			why:   "a name may have a namespace",
			scope: lookup.Selection{Namespace: "a", Names: []string{"b/london", "paris"}},
			want:  "a/paris b/london",
		},
		"Unknown": {
			why:   "a typing error",
			scope: lookup.Selection{Namespace: "a", Names: []string{"lodnon"}},
			fault: `there is no ClusterProfile "lodnon" in the namespace a; did you mean london?`,
		},
		"Elsewhere": {
			why:   "the same name in another namespace is preferred to a similar name",
			scope: lookup.Selection{Namespace: "a", Names: []string{"prod-eu-1"}},
			fault: `there is no ClusterProfile "prod-eu-1" in the namespace a; did you mean b/prod-eu-1?`,
		},
		"LikeElsewhere": {
			why:   "a similar name in another namespace is suggested, too",
			scope: lookup.Selection{Namespace: "a", Names: []string{"prod-eu-2"}},
			fault: `there is no ClusterProfile "prod-eu-2" in the namespace a; did you mean b/prod-eu-1?`,
		},
		"Stranger": {
			why:   "names that differ much are not suggested",
			scope: lookup.Selection{Names: []string{"tokyo-central"}},
			fault: `there is no ClusterProfile "tokyo-central"`,
		},
		"NamesAndSelector": {
			why:   "as in kubectl",
			scope: lookup.Selection{Selector: production, Names: []string{"london"}},
			fault: "names and a selector cannot be combined",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			profiles, err := lookup.Profiles(t.Context(), k8s, tc.scope)
			var got []string
			for _, p := range profiles {
				got = append(got, p.Namespace+"/"+p.Name)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if said := fmt.Sprint(err); tc.fault != "" && said != tc.fault || tc.fault == "" && err != nil {
				t.Errorf("%s\nwant the error %q, got %q", tc.why, tc.fault, said)
			}
		})
	}
	t.Run("Pages", func(t *testing.T) {
		profiles, err := lookup.Profiles(t.Context(), k8s, lookup.Selection{Namespace: "many"})
		if err != nil || len(profiles) != 501 {
			t.Errorf("all pages are read: %d %v", len(profiles), err)
		}
	})
	t.Run("HintElsewhere", func(t *testing.T) {
		want := "No ClusterProfiles in the namespace default; -A shows those of a, b, many."
		if diff := cmp.Diff(want, lookup.Hint(t.Context(), k8s, lookup.Selection{Namespace: "default"})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("HintOfPage", func(t *testing.T) {
		want := "No ClusterProfiles in the namespace default; without -n the dashboard shows those of a, b, many."
		if diff := cmp.Diff(want, lookup.HintOfPage(t.Context(), k8s, lookup.Selection{Namespace: "default"})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestLimitedRights(t *testing.T) {
	config, err := hub.As("alice")
	must(t, err)
	alice := as(t, config)
	// The API server's authorizer takes a role into account after a moment.
	gomega.NewWithT(t).Eventually(func() error {
		_, err := lookup.Profiles(t.Context(), alice, lookup.Selection{Namespace: "a"})
		return err
	}).WithTimeout(2 * time.Minute).Should(gomega.Succeed())
	if _, err := lookup.Profiles(t.Context(), alice,
		lookup.Selection{}); err == nil || !strings.Contains(err.Error(), "select a namespace that you may read with -n") {
		t.Errorf("the error must have a hint; got %v", err)
	}
	checks, err := lookup.ReadChecks(t.Context(), alice, "a")
	must(t, err)
	if checks.Readable("a") || !checks.Readable("b") {
		t.Errorf("checks that may not be read were reported as absent: %v", checks.Hidden())
	}
	all, err := lookup.ReadChecks(t.Context(), as(t, hub.Config()), "")
	must(t, err)
	if !all.Readable("a") || len(all.Found()) != 0 {
		t.Errorf("want no checks, readable everywhere: %v %v", all.Found(), all.Hidden())
	}
	fleet, read, err := lookup.Fleet(t.Context(), alice, "a", "b", "a")
	must(t, err)
	if len(fleet) != 2 || !read.Equal(sets.New("a")) {
		t.Errorf("without rights to all, each namespace is read once; got %d of %v", len(fleet), read)
	}
	if fleet, read, err := lookup.Fleet(t.Context(), as(t, hub.Config()), "a"); err != nil || read != nil || len(fleet) != 505 {
		t.Errorf("with rights to all, all are read: %d of %v, %v", len(fleet), read, err)
	}
	if _, err := lookup.Profiles(t.Context(), alice, lookup.Selection{
		Namespace: "a",
		Names:     []string{"pars"},
	}); err == nil || !strings.Contains(err.Error(), "did you mean paris?") {
		t.Errorf("a suggestion needs no additional rights; got %v", err)
	}
	typo, err := labels.Parse("env=typo")
	must(t, err)
	want := `No ClusterProfile in the namespace a has the labels "env=typo".`
	if diff := cmp.Diff(want, lookup.Hint(t.Context(), alice, lookup.Selection{Namespace: "a", Selector: typo})); diff != "" {
		t.Errorf("a hint needs no additional rights -want +got:\n%s", diff)
	}
}

func TestNamespaces(t *testing.T) {
	cases := map[string]struct {
		why   string
		scope lookup.Selection
		want  []string
	}{
		"One": {why: "the namespace of the selection", scope: lookup.Selection{Namespace: "a"}, want: []string{"a"}},
		"All": {why: "an empty one means all", scope: lookup.Selection{}, want: []string{""}},
		"Names": {
			why:   "sorted, without duplicates",
			scope: lookup.Selection{Namespace: "b", Names: []string{"x", "a/y", "z"}},
			want:  []string{"a", "b"},
		},
		"Elsewhere": {
			why:   "the selection's own is not read if every name has another",
			scope: lookup.Selection{Namespace: "b", Names: []string{"a/x", "c/y"}},
			want:  []string{"a", "c"},
		},
		"Anywhere": {
			why:   "a name without a namespace is searched in all",
			scope: lookup.Selection{Names: []string{"a/x", "y"}},
			want:  []string{""},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.scope.Namespaces()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}
