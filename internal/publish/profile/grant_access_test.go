// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

var kubeconfigOfC1 = profile.SecretKey{Name: "c1-kubeconfig", Key: "value"}

// factsOfC1 are those of a Cluster whose access can be granted.
func factsOfC1() profile.Facts {
	return facts(fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3")))
}

// granted has the broker grant access at the endpoint that the grant names.
func granted(grant *v1alpha1.AccessGrant) {
	conditions(grant, metav1.ConditionTrue, "The spoke has accepted the token.", "")
	grant.Status.Endpoint = grant.Spec.Endpoint
	grant.Status.ExpirationTimestamp = metav1.NewTime(now.Add(24 * time.Hour))
	grant.Status.Secret = &v1alpha1.GrantedSecret{Name: profile.GrantedSecretName(grant.Name), Key: profile.GrantedSecretKey}
}

// conditions sets Ready, and Degraded where there is something wrong.
func conditions(grant *v1alpha1.AccessGrant, ready metav1.ConditionStatus, message, wrong string) {
	degraded := metav1.Condition{Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionFalse, Message: "Nothing is to be done."}
	if wrong != "" {
		degraded.Status, degraded.Message = metav1.ConditionTrue, wrong
	}
	grant.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: ready, Message: message}, degraded}
}

// TestAdvertisedWhenGranted: an access is published when the spoke has accepted it at the present endpoint, and what is awaited
// before is said.
func TestAdvertisedWhenGranted(t *testing.T) {
	const unanswered = "waits for a broker, which must run on this hub and watch this namespace."
	for name, tc := range map[string]struct {
		why string
		// grant is what became of the one that the publisher made; nil for none.
		grant      func(*v1alpha1.AccessGrant)
		advertised bool
		// says follows the name of the grant in Joined; empty for nothing.
		says string
		// quiet says that it is no Problem yet.
		quiet bool
	}{
		"None":       {why: "it is made after the profile", says: unanswered, quiet: true},
		"Unanswered": {why: "no broker has seen it", grant: func(*v1alpha1.AccessGrant) {}, says: unanswered, quiet: true},
		"AlmostTooLong": {why: "it may take a while", says: unanswered, quiet: true, grant: func(g *v1alpha1.AccessGrant) {
			g.CreationTimestamp = metav1.NewTime(now.Add(-profile.BrokerTimeout + time.Second))
		}},
		"TooLong": {why: "a user has to start a broker", says: unanswered, grant: func(g *v1alpha1.AccessGrant) {
			g.CreationTimestamp = metav1.NewTime(now.Add(-profile.BrokerTimeout))
		}},
		"NotReady": {why: "the broker has answered", says: "is not ready: It takes a moment.", grant: func(g *v1alpha1.AccessGrant) {
			conditions(g, metav1.ConditionFalse, "It takes a moment.", "")
		}},
		"Refused": {why: "what is wrong says more", says: "is not ready: The spoke refuses.", grant: func(g *v1alpha1.AccessGrant) {
			conditions(g, metav1.ConditionFalse, "It takes a moment.", "The spoke refuses.")
		}},
		"NothingSaid": {why: "Ready is missing", says: "is not ready.", grant: func(g *v1alpha1.AccessGrant) {
			granted(g)
			g.Status.Conditions = g.Status.Conditions[1:]
		}},
		"Ready": {why: "it is proven", grant: granted, advertised: true},
		"ReadyAndDegraded": {
			why: "it works for now", advertised: true, says: "cannot be renewed: The spoke does not answer.",
			grant: func(g *v1alpha1.AccessGrant) {
				granted(g)
				conditions(g, metav1.ConditionTrue, "", "The spoke does not answer.")
			},
		},
		"OtherEndpoint": {why: "it is proven elsewhere", says: "waits for its proof at the Cluster's present endpoint.",
			grant: func(g *v1alpha1.AccessGrant) {
				granted(g)
				g.Status.Endpoint = "sha256:old"
			}},
		"OtherEndpointDegraded": {
			why:  "the proof fails",
			says: "waits for its proof at the Cluster's present endpoint: The spoke does not answer.",
			grant: func(g *v1alpha1.AccessGrant) {
				granted(g)
				conditions(g, metav1.ConditionTrue, "", "The spoke does not answer.")
				g.Status.Endpoint = "sha256:old"
			},
		},
		"Expired": {why: "the broker is away", says: "has expired, and no broker has renewed it.", grant: func(g *v1alpha1.AccessGrant) {
			granted(g)
			g.Status.ExpirationTimestamp = metav1.NewTime(now)
		}},
		"Deleting": {why: "it is being revoked", says: "is being deleted.", grant: func(g *v1alpha1.AccessGrant) {
			granted(g)
			deleting(g)
		}},
		"EarlierCluster": {
			why:  "it is of another spoke, even if that had the same endpoint",
			says: "is for an earlier Cluster of this name, and is replaced when it is gone.",
			grant: func(g *v1alpha1.AccessGrant) {
				granted(g)
				earlierCluster(g)
			},
		},
		"NameTaken": {
			why:  "it never gets an answer",
			says: "is another writer's and for something else, and is left untouched; delete it.",
			grant: func(g *v1alpha1.AccessGrant) {
				granted(g)
				anotherWriter(g)
				g.Spec.Provider = "other"
			},
		},
		"ForgedSecret": {why: "the name of the Secret follows from the grant", advertised: true, grant: func(g *v1alpha1.AccessGrant) {
			granted(g)
			g.Status.Secret = &v1alpha1.GrantedSecret{Name: "c2-kubeconfig", Key: "other"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inventory, f := compile(t, scoped()), factsOfC1()
			if tc.grant != nil {
				grant := grantOf(t, inventory, f)
				tc.grant(grant)
				f.Grants = []*v1alpha1.AccessGrant{grant}
			}
			out, problems := inventory.Status(f, 1)
			if got := len(out.Status.AccessProviders) == 1; got != tc.advertised {
				t.Fatalf("%s: advertised: %v", tc.why, got)
			}
			if tc.advertised {
				want := `{"key":"value","name":"c1.reader.access","namespace":"team-a"}`
				cluster := out.Status.AccessProviders[0].Cluster
				if got := string(cluster.Extensions[0].Extension.Raw); got != want || cluster.Server != "https://10.0.0.1:6443" {
					t.Errorf("%s: got %s at %s", tc.why, got, cluster.Server)
				}
			}
			message := "access provider reader: AccessGrant team-a/c1.reader " + tc.says
			if got := condition(t, out.Status, v1alpha1.ConditionJoined); (got.Status == metav1.ConditionTrue) != tc.advertised ||
				tc.says != "" && !strings.HasSuffix(got.Message, ": "+message) {
				t.Errorf("%s: got %s %q", tc.why, got.Status, got.Message)
			}
			var want []profile.Problem
			if tc.says != "" && !tc.quiet {
				want = []profile.Problem{{Reason: v1alpha1.ProblemAccessNotGranted, Message: message}}
			}
			if diff := cmp.Diff(want, problems); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestTextsOfGrantsAreBounded: what a broker or another writer of the status says freezes no condition.
func TestTextsOfGrantsAreBounded(t *testing.T) {
	inventory, f := compile(t, scoped()), factsOfC1()
	grant := grantOf(t, inventory, f)
	conditions(grant, metav1.ConditionFalse, strings.Repeat("x", 32_000), "")
	f.Grants = []*v1alpha1.AccessGrant{grant}
	out, problems := inventory.Status(f, 1)
	joined := condition(t, out.Status, v1alpha1.ConditionJoined)
	if len(problems) != 1 || len(problems[0].Message) > profile.MaxMessage || len(joined.Message) > profile.MaxMessage {
		t.Errorf("got %d problems, and %d bytes in Joined", len(problems), len(joined.Message))
	}
}

// TestAccessStaysUntilItIsGranted: what is published stays until there is something better, but nothing that is revoked, of another
// Cluster, or changed by another writer.
func TestAccessStaysUntilItIsGranted(t *testing.T) {
	reader := func(access v1alpha1.AccessProvider) v1alpha1.InventorySpec {
		access.Name = "reader"
		return v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{access}}
	}
	administrators := reader(v1alpha1.AccessProvider{KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}})
	plugin := reader(v1alpha1.AccessProvider{Exec: &v1alpha1.ExecAccess{}})
	owned := []string{"server", "certificate-authority-data", "extensions"}
	for name, tc := range map[string]struct {
		why           string
		before, after v1alpha1.InventorySpec
		owned         []string
		// uid is that of the Cluster of the profile; empty for the same one.
		uid    string
		broken bool
		stays  bool
	}{
		"Scoped":         {why: "the grant is not ready any more", before: scoped(), after: scoped(), owned: owned, stays: true},
		"ScopedBroken":   {why: "nor is there a kubeconfig", before: scoped(), after: scoped(), owned: owned, broken: true, stays: true},
		"Administrators": {why: "nothing replaces it yet", before: administrators, after: scoped(), owned: owned, stays: true},
		"AdministratorsBroken": {
			why:    "nor can it be replaced",
			before: administrators, after: scoped(), owned: owned, broken: true, stays: true,
		},
		"Plugin":        {why: "nothing replaces it yet", before: plugin, after: scoped(), owned: owned[:2], stays: true},
		"AnotherWriter": {why: "a server that another writer has changed", before: administrators, after: scoped(), owned: owned[1:]},
		"OtherCluster":  {why: "the profile was of another Cluster", before: administrators, after: scoped(), owned: owned, uid: "uid-0"},
		"Revoked":       {why: "the grant is deleted", before: scoped(), after: administrators, owned: owned, broken: true},
		"RevokedPlugin": {why: "for a plugin too", before: scoped(), after: plugin, owned: owned, broken: true},
		"BrokenPlugin":  {why: "a plugin's own stays", before: plugin, after: plugin, owned: owned[:2], broken: true, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := factsOfC1()
			grant := grantOf(t, compile(t, scoped()), f)
			granted(grant)
			f.Grants = []*v1alpha1.AccessGrant{grant}
			before, _ := compile(t, tc.before).Status(f, 1)
			p := &inventoryv1alpha1.ClusterProfile{}
			for _, provider := range before.Status.AccessProviders {
				p.Status.AccessProviders = append(p.Status.AccessProviders,
					inventoryv1alpha1.AccessProvider{Name: *provider.Name, Cluster: *provider.Cluster})
			}
			p.Labels = map[string]string{v1alpha1.LabelClusterUID: "uid-1"}
			if tc.uid != "" {
				p.Labels[v1alpha1.LabelClusterUID] = tc.uid
			}
			f.Published = read(t, owningProvider(owningLabels(p, v1alpha1.LabelClusterUID), "reader", tc.owned...))
			published := p.Status.AccessProviders[0].Cluster

			conditions(grant, metav1.ConditionFalse, "Pending.", "")
			if tc.broken {
				f.Kubeconfigs[kubeconfigOfC1] = profile.Kubeconfig{
					Rejected: &endpoint.RejectedError{Reason: profile.SecretNotFound, Message: "there is no such Secret"},
				}
			}
			after, problems := compile(t, tc.after).Status(f, 1)
			var want []clientcmdv1.Cluster
			if tc.stays {
				want = append(want, published)
			}
			var got []clientcmdv1.Cluster
			for _, provider := range after.Status.AccessProviders {
				got = append(got, *provider.Cluster)
			}
			if diff := cmp.Diff(encoded(t, want), encoded(t, got)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
			if len(problems) != 1 {
				t.Errorf("%s: it is reported: %v", tc.why, problems)
			}
		})
	}
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestGrantsChangeAfter: no event reports that a broker has not answered, or that a token has expired.
func TestGrantsChangeAfter(t *testing.T) {
	inventory, f := compile(t, scoped()), factsOfC1()
	of := func(change func(*v1alpha1.AccessGrant)) *v1alpha1.AccessGrant {
		grant := grantOf(t, inventory, f)
		change(grant)
		return grant
	}
	young := of(func(g *v1alpha1.AccessGrant) { g.CreationTimestamp = metav1.NewTime(now.Add(-time.Second)) })
	old := of(func(g *v1alpha1.AccessGrant) { g.CreationTimestamp = metav1.NewTime(now.Add(-time.Hour)) })
	pending := of(func(g *v1alpha1.AccessGrant) { conditions(g, metav1.ConditionFalse, "Pending.", "") })
	for name, tc := range map[string]struct {
		grants []*v1alpha1.AccessGrant
		want   time.Duration
	}{
		"None":     {},
		"Young":    {grants: []*v1alpha1.AccessGrant{young}, want: 59 * time.Second},
		"Old":      {grants: []*v1alpha1.AccessGrant{old}},
		"Pending":  {grants: []*v1alpha1.AccessGrant{pending}},
		"Granted":  {grants: []*v1alpha1.AccessGrant{of(granted)}, want: 24 * time.Hour},
		"Earliest": {grants: []*v1alpha1.AccessGrant{of(granted), old, young, pending}, want: 59 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := profile.GrantsChangeAfter(tc.grants, now); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
