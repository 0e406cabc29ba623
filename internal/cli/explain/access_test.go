// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

const (
	provider   = "kubeconfig-secretreader"
	grantName  = "london." + provider
	secretName = grantName + ".access"
)

// scoped is an Inventory that asks for access by a ServiceAccount.
func scoped(i *v1alpha1.Inventory) {
	i.Spec.AccessProviders = []v1alpha1.AccessProvider{
		{Name: provider, ServiceAccount: &v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}}},
	}
}

// referring is a profile whose access provider refers to a Secret.
func referring(secret string) func(*inventoryv1alpha1.ClusterProfile) {
	return func(p *inventoryv1alpha1.ClusterProfile) {
		p.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{{Name: provider, Cluster: clientcmdv1.Cluster{
			Server: "https://example.com",
			Extensions: []clientcmdv1.NamedExtension{{
				Name: "client.authentication.k8s.io/exec",
				Extension: runtime.RawExtension{
					Raw: fmt.Appendf(nil, `{"name":%q,"namespace":"team-a","key":"value"}`, secret),
				},
			}},
		}}}
	}
}

// granted returns the grant of the profile team-a/london, changed.
func granted(change ...func(*v1alpha1.AccessGrant)) *v1alpha1.AccessGrant {
	g := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: grantName}}
	g.Spec.Profile, g.Spec.Provider, g.Spec.Endpoint = "london", provider, "1"
	g.Spec.ServiceAccount.ClusterRoles = []string{"view"}
	g.Status.User, g.Status.Endpoint, g.Status.ExpirationTimestamp = "user", "1", now
	g.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonGranted},
		{Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAsExpected},
	}
	for _, c := range change {
		c(g)
	}
	return g
}

func away(g *v1alpha1.AccessGrant) {
	g.Status.Conditions[1] = metav1.Condition{
		Type:    v1alpha1.ConditionDegraded,
		Status:  metav1.ConditionTrue,
		Reason:  v1alpha1.ReasonSpokeUnreachable,
		Message: "no route to host",
	}
}

// TestAccess: who a consumer is on the spoke, and what is awaited before it can be.
func TestAccess(t *testing.T) {
	const grant, expires = "team-a/" + grantName, "2026-01-02T03:04:05Z"
	ready := explain.Access{
		Provider: provider, Grant: grant, User: "user", Roles: "view", Expires: expires, Ready: "True (Granted)",
	}
	awaiting := func(what string) explain.Access {
		access := ready
		access.Awaited = what
		return access
	}
	own, kept := referring(secretName), referring("london-kubeconfig")
	for name, tc := range map[string]struct {
		why     string
		asks    bool
		profile func(*inventoryv1alpha1.ClusterProfile)
		grant   *v1alpha1.AccessGrant
		unread  explain.Unread
		want    []explain.Access
	}{
		"Nothing":   {why: "no ServiceAccount is asked for", profile: kept},
		"Published": {why: "nothing is awaited", asks: true, profile: own, grant: granted(), want: []explain.Access{ready}},
		"NotCreated": {
			why: "what is asked for is known without a grant", asks: true, profile: kept,
			want: []explain.Access{{Provider: provider, Grant: grant, Roles: "view", Awaited: "the publisher has not created it yet"}},
		},
		"NotPublished": {
			why: "the last good access stays until the publisher has noticed", asks: true, profile: kept, grant: granted(),
			want: []explain.Access{awaiting("it is granted, and the publisher has not published it yet")},
		},
		"MovedSpoke": {
			why: "a token is proven at each endpoint", asks: true, profile: kept,
			grant: granted(func(g *v1alpha1.AccessGrant) { g.Spec.Endpoint = "2" }),
			want:  []explain.Access{awaiting("it waits for its proof at the Cluster's present endpoint")},
		},
		"NotRenewed": {
			why: "it works until it expires", asks: true, profile: own, grant: granted(away),
			want: []explain.Access{awaiting("it cannot be renewed: no route to host")},
		},
		"NotRevoked": {
			why: "the broker has left something on the spoke", profile: kept,
			grant: granted(away, func(g *v1alpha1.AccessGrant) { g.DeletionTimestamp = &now }),
			want:  []explain.Access{awaiting("it is being deleted, and not revoked yet: no route to host")},
		},
		"NotWanted": {
			why: "the Inventory has been changed", profile: kept, grant: granted(),
			want: []explain.Access{awaiting("no Inventory asks for it any more; the publisher deletes it")},
		},
		"Hidden": {
			why: "what may not be read is not reported as absent", asks: true, profile: own,
			unread: explain.Unread{Grants: sets.New("team-a")},
			want: []explain.Access{{
				Provider: provider, Grant: grant, Roles: "view", Awaited: "not known: you may not read AccessGrants in the namespace team-a",
			}},
		},
		"HiddenInventories": {
			why: "the profile shows where its access comes from", profile: own, grant: granted(),
			unread: explain.Unread{Inventories: true}, want: []explain.Access{ready},
		},
	} {
		t.Run(name, func(t *testing.T) {
			facts := explain.Facts{
				Cluster:  fixture.Cluster("team-a", "london", fixture.UID("1")),
				Profiles: []inventoryv1alpha1.ClusterProfile{published("team-a", "london", "default", "1", tc.profile)},
				Grants:   map[types.NamespacedName]*v1alpha1.AccessGrant{},
				Unread:   tc.unread,
			}
			if tc.asks {
				facts.Inventories = []v1alpha1.Inventory{inventory("default", 0, scoped)}
			}
			if tc.grant != nil {
				facts.Grants[types.NamespacedName{Namespace: "team-a", Name: tc.grant.Name}] = tc.grant
			}
			report, err := explain.Cluster(facts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, report.Profiles[0].Access); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	rule := v1alpha1.AccessRule{Verbs: []string{"get"}, Resources: []string{"pods"}}
	for want, access := range map[string]*v1alpha1.ServiceAccountAccess{
		"":                      nil,
		"view,edit":             {ClusterRoles: []string{"view", "edit"}},
		"view+1 rule":           {ClusterRoles: []string{"view"}, Rules: []v1alpha1.AccessRule{rule}},
		"2 rules in apps,tools": {Rules: []v1alpha1.AccessRule{rule, rule}, Namespaces: []string{"apps", "tools"}},
	} {
		if got := explain.Roles(access); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
