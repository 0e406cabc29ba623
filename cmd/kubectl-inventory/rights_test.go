// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// right is a permission for a resource, in a namespace or on the whole hub.
type right struct{ namespace, resource, verbs string }

const see = "get list watch"

// userWith returns the kubeconfig of a user with these rights and no others. Rights are never removed.
func userWith(t *testing.T, name string, rights ...right) string {
	t.Helper()
	g := gomega.NewWithT(t)
	config, err := env.hub.As(name)
	must(t, err)
	k8s, err := client.New(config, client.Options{Scheme: newScheme(config)})
	must(t, err)
	for i, r := range rights {
		grant(t, fmt.Sprintf("%s-%d", name, i), name, r)
		group, resource := groupOf(r.resource)
		for verb := range strings.FieldsSeq(r.verbs) {
			// The API server's authorizer takes a role into account after a moment.
			g.Eventually(func() bool {
				review := &authorizationv1.SelfSubjectAccessReview{
					Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
						Namespace: r.namespace, Verb: verb, Group: group, Resource: resource,
					}},
				}
				return k8s.Create(t.Context(), review) == nil && review.Status.Allowed
			}).WithTimeout(testTimeout).Should(gomega.BeTrue(), "%s %s", verb, r.resource)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, fixture.Kubeconfig("hub", config, ""), 0o600))
	return path
}

func grant(t *testing.T, object, name string, r right) {
	t.Helper()
	group, resource := groupOf(r.resource)
	rules := []rbacv1.PolicyRule{{APIGroups: []string{group}, Resources: []string{resource}, Verbs: strings.Fields(r.verbs)}}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}}
	in := metav1.ObjectMeta{Namespace: r.namespace, Name: object}
	objects := []client.Object{
		&rbacv1.Role{ObjectMeta: in, Rules: rules},
		&rbacv1.RoleBinding{
			ObjectMeta: in,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: object},
			Subjects:   subjects,
		},
	}
	if r.namespace == "" {
		objects = []client.Object{
			&rbacv1.ClusterRole{ObjectMeta: in, Rules: rules},
			&rbacv1.ClusterRoleBinding{
				ObjectMeta: in,
				RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: object},
				Subjects:   subjects,
			},
		}
	}
	for _, o := range objects {
		if err := env.k8s.Create(t.Context(), o); !apierrors.IsAlreadyExists(err) {
			must(t, err)
		}
	}
}

func groupOf(resource string) (group, plural string) {
	plural, group, _ = strings.Cut(resource, ".")
	return group, plural
}

const (
	profiles    = "clusterprofiles.multicluster.x-k8s.io"
	checks      = "spokechecks.capi-inventory.dev"
	clusters    = "clusters.cluster.x-k8s.io"
	inventories = "inventories.capi-inventory.dev"
)

// TestRights: users see what they may read, and what they may not.
func TestRights(t *testing.T) {
	one := userWith(t, "one", right{"team-a", profiles, see})
	two := userWith(t, "two", right{"team-a", profiles, see}, right{"argocd", profiles, see}, right{"team-a", checks, see})
	tenant := userWith(t, "tenant", right{"team-a", profiles, see}, right{"team-a", checks, see}, right{"team-a", clusters, see})
	viewer := userWith(t, "viewer", right{"team-a", profiles, see}, right{"team-a", clusters, see}, right{"", inventories, see})
	blind := userWith(t, "blind", right{"team-a", clusters, see})
	cases := map[string]output{
		"rights-list": {
			why:  "a check that may not be read is not reported as absent",
			hub:  one,
			args: []string{"list", "-n", "team-a"},
		},
		"rights-list-wide": {why: "the server is the profile's", hub: one, args: []string{"list", "-n", "team-a", "-o", "wide"}},
		"rights-list-partly": {
			why:  "checks may be read in one of two namespaces",
			hub:  two,
			args: []string{"list", "-n", "team-a", "paris", "argocd/team-a--london"},
		},
		"rights-list-all": {why: "the error has a hint", hub: one, args: []string{"list", "-A"}, code: exitError},
		"rights-explain": {
			why:  "a user with rights in one namespace",
			hub:  tenant,
			args: []string{"explain", "-n", "team-a", "paris"},
		},
		"rights-explain-profile": {
			why:  "the Cluster may not be read",
			hub:  one,
			args: []string{"explain", "-n", "team-a", "profile/paris"},
		},
		"rights-explain-hidden": {
			why:  "the profiles of a Cluster that may not be read",
			hub:  one,
			args: []string{"explain", "-n", "team-a", "cluster/paris"},
		},
		"rights-explain-viewer": {
			why:  "the Inventories may be read, but neither other profiles nor the namespace",
			hub:  viewer,
			args: []string{"explain", "-n", "team-a", "london"},
		},
		"rights-explain-json": {
			why:  "in the output for programs, too",
			hub:  tenant,
			args: []string{"explain", "-n", "team-a", "rome", "-o", "json"},
		},
		"rights-explain-blind":   {why: "profiles may not be read", hub: blind, args: []string{"explain", "-n", "team-a", "rome"}},
		"rights-explain-unknown": {why: "a typing error", hub: tenant, args: []string{"explain", "-n", "team-a", "rme"}, code: exitError},
		"rights-explain-nowhere": {
			why:  "what may not be read is not reported as absent",
			hub:  one,
			args: []string{"explain", "-n", "team-a", "rome"},
			code: exitError,
		},
		"rights-explain-none": {why: "nothing may be read", hub: one, args: []string{"explain", "-n", "team-b", "oslo"}, code: exitError},
		"rights-lint": {
			why:  "the member may have a profile in another namespace",
			hub:  one,
			args: []string{"lint", "-n", "team-a", "paris"},
			code: exitUnsatisfied,
		},
		"rights-lint-two": {
			why:  "each namespace that may be read is read",
			hub:  two,
			args: []string{"lint", "-n", "team-a", "london", "argocd/team-a--london", "--consumer", "argocd,kueue"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { tc.hold(t, name) })
	}
}

// TestWatchWithRights: a watch prints what the user may read, or fails; it never waits without a message.
func TestWatchWithRights(t *testing.T) {
	const header = "NAME NAMESPACE MANAGER VERSION HEALTHY REACHABLE AGE"
	const (
		london = "london team-a cluster-api v1.36.3 True"
		paris  = "paris team-a cluster-api v1.35.1 Unknown"
		argocd = "team-a--london argocd cluster-api v1.36.3 True"
	)
	cases := map[string]struct {
		why    string
		rights []right
		args   []string
		// out is the output of a watch that goes on; fails is the error of one that ends.
		out   []string
		said  string
		fails string
	}{
		"NoChecks": {
			why: "the column is omitted", rights: []right{{"team-a", profiles, see}}, args: []string{"-n", "team-a"},
			out:  []string{"NAME NAMESPACE MANAGER VERSION HEALTHY AGE", london, paris},
			said: "REACHABLE is not shown: you may not read SpokeChecks (capi-inventory.dev) in the namespace team-a.",
		},
		"ChecksCannotBeWatched": {
			why:    "the right to list is not enough",
			rights: []right{{"team-a", profiles, see}, {"team-a", checks, "get list"}},
			args:   []string{"-n", "team-a"},
			out:    []string{"NAME NAMESPACE MANAGER VERSION HEALTHY AGE", london, paris},
			said:   "REACHABLE is not shown: you may not read SpokeChecks (capi-inventory.dev) in the namespace team-a.",
		},
		"ProfilesCannotBeWatched": {
			why:    "nothing can be watched",
			rights: []right{{"team-a", profiles, "get list"}, {"team-a", checks, see}},
			args:   []string{"-n", "team-a"},
			fails: "error: watching ClusterProfiles in the namespace team-a: clusterprofiles.multicluster.x-k8s.io is forbidden: " +
				`User "watcher-ProfilesCannotBeWatched" cannot watch resource`,
		},
		"NoProfiles": {
			why: "nothing can be listed", rights: []right{{"team-a", checks, see}}, args: []string{"-n", "team-a"},
			fails: "error: listing ClusterProfiles: ",
		},
		"TwoNamespaces": {
			why:    "rights in the selected namespaces are enough",
			rights: []right{{"team-a", profiles, see}, {"argocd", profiles, see}, {"team-a", checks, see}, {"argocd", checks, see}},
			args:   []string{"-n", "team-a", "paris", "argocd/team-a--london"},
			out:    []string{header, argocd + " <none>", paris + " False(ConnectFailed)"},
		},
		"TwoNamespacesChecksInOne": {
			why:    "checks may be read in one namespace only",
			rights: []right{{"team-a", profiles, see}, {"argocd", profiles, see}, {"team-a", checks, see}},
			args:   []string{"-n", "team-a", "paris", "argocd/team-a--london"},
			out:    []string{header, argocd + " <unknown>", paris + " False(ConnectFailed)"},
			said:   "REACHABLE is <unknown> in the namespace argocd: you may not read SpokeChecks (capi-inventory.dev) there.",
		},
		"OtherNamespaceOnly": {
			why: "the namespace of -n is not read if no name is in it", rights: []right{{"argocd", profiles, see}, {"argocd", checks, see}},
			args: []string{"-n", "team-a", "argocd/team-a--london"},
			out:  []string{header, argocd + " <none>"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			hub := userWith(t, "watcher-"+name, tc.rights...)
			var out, errOut screen
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan int, 1)
			go func() {
				ended <- run(ctx, genericiooptions.IOStreams{
					Out:    &out,
					ErrOut: &errOut,
				}, later, append([]string{"--kubeconfig", hub, "list", "-w"}, tc.args...))
			}()
			if tc.fails != "" {
				g.Eventually(ended).WithTimeout(testTimeout).Should(gomega.Receive(gomega.Equal(exitError)), tc.why)
				g.Expect(out.lines()).To(gomega.BeEmpty())
				g.Expect(strings.Join(errOut.lines(), "\n")).To(gomega.HavePrefix(tc.fails))
				return
			}
			g.Eventually(out.lines).WithTimeout(testTimeout).Should(gomega.Equal(tc.out), tc.why)
			stop()
			g.Eventually(ended).WithTimeout(testTimeout).Should(gomega.Receive(gomega.Equal(0)))
			g.Expect(strings.Join(errOut.lines(), "\n")).To(gomega.Equal(tc.said))
		})
	}
}
