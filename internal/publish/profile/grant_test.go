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
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// scoped is an Inventory with one access provider of a ServiceAccount.
func scoped(change ...func(*v1alpha1.ServiceAccountAccess)) v1alpha1.InventorySpec {
	access := &v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}, TokenTTL: metav1.Duration{Duration: 24 * time.Hour}}
	for _, change := range change {
		change(access)
	}
	return v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{{Name: "reader", ServiceAccount: access}}}
}

// grantOf is the AccessGrant that the publisher has applied for the only access provider of an Inventory.
func grantOf(t *testing.T, inventory *profile.Inventory, f profile.Facts) *v1alpha1.AccessGrant {
	t.Helper()
	f.Grants = nil
	wanted, _, err := inventory.Grants(f)
	if err != nil || len(wanted) != 1 {
		t.Fatalf("got %d grants, %v", len(wanted), err)
	}
	raw, err := json.Marshal(wanted[0])
	if err != nil {
		t.Fatal(err)
	}
	grant := &v1alpha1.AccessGrant{}
	if err := json.Unmarshal(raw, grant); err != nil {
		t.Fatal(err)
	}
	fields := &metav1.FieldsV1{}
	fields.SetRawBytes([]byte(`{"f:spec":{"f:inventory":{}}}`))
	grant.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: profile.FieldManager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1", FieldsV1: fields,
	}}
	grant.CreationTimestamp = metav1.NewTime(now)
	return grant
}

func anotherWriter(grant *v1alpha1.AccessGrant) { grant.ManagedFields[0].Manager = "kubectl" }

// TestGrantName takes every provider name of up to four characters that the schema admits, and those that another one is hashed to.
func TestGrantName(t *testing.T) {
	const ends, between = "aA0", "aA0-._"
	names := []string{strings.Repeat("a", 253), strings.Repeat("a", 252) + "b", strings.Repeat("a-.", 84) + "a"}
	for _, first := range ends {
		names = append(names, string(first))
		for _, last := range ends {
			names = append(names, string(first)+string(last))
			for _, second := range between {
				names = append(names, string(first)+string(second)+string(last))
				for _, third := range between {
					names = append(names, string(first)+string(second)+string(third)+string(last))
				}
			}
		}
	}
	for _, name := range names {
		if hashed := strings.TrimPrefix(profile.GrantName("c1", name), "c1."); hashed != name {
			names = append(names, hashed)
		}
	}
	seen := map[string]string{}
	for _, of := range []string{"c1", "c1-a", strings.Repeat("p", 63)} {
		for _, provider := range names {
			grant := profile.GrantName(of, provider)
			if other, taken := seen[grant]; taken {
				t.Errorf("%s/%s and %s have one name: %s", of, provider, other, grant)
			}
			seen[grant] = of + "/" + provider
			if got := profile.ProfileOfGrant(grant); got != of {
				t.Errorf("%s: of the profile %q, want %q", grant, got, of)
			}
			for _, name := range []string{grant, profile.GrantedSecretName(grant)} {
				if faults := validation.IsDNS1123Subdomain(name); len(faults) > 0 {
					t.Errorf("%s/%s: %s: %v", of, provider, name, faults)
				}
			}
		}
	}
}

// TestAskFor: a grant is no authority. What an Inventory does not ask for in the same words is not asked for.
func TestAskFor(t *testing.T) {
	cluster := fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3"))
	theirs := scoped()
	theirs.Namespace = "argocd"
	for name, tc := range map[string]struct {
		why    string
		change func(*v1alpha1.AccessGrant)
		// inventory is what the Inventory says by now, and live the Cluster; nil for what they were.
		inventory *v1alpha1.InventorySpec
		live      *clusterv1.Cluster
		want      bool
	}{
		"Equal":         {why: "that is what the publisher made of it", want: true},
		"OtherEndpoint": {why: "it is no right", change: func(g *v1alpha1.AccessGrant) { g.Spec.Endpoint = "sha256:x" }, want: true},
		"AnyAuthor":     {why: "nor does the author count", change: anotherWriter, want: true},
		"OtherRole": {why: "a tenant asks for more", change: func(g *v1alpha1.AccessGrant) {
			g.Spec.ServiceAccount.ClusterRoles = []string{"edit"}
		}},
		"MoreRoles": {why: "and beside", change: func(g *v1alpha1.AccessGrant) {
			g.Spec.ServiceAccount.ClusterRoles = []string{"view", "edit"}
		}},
		"MoreRules": {why: "or by rules", change: func(g *v1alpha1.AccessGrant) {
			g.Spec.ServiceAccount.Rules = []v1alpha1.AccessRule{{Verbs: []string{"get"}}}
		}},
		"Narrowed": {why: "the grant is of yesterday", inventory: ptr.To(scoped(func(a *v1alpha1.ServiceAccountAccess) {
			a.ClusterRoles = []string{"metrics"}
		}))},
		"OtherNamespaces": {why: "in more namespaces of the spoke", inventory: ptr.To(scoped(func(a *v1alpha1.ServiceAccountAccess) {
			a.Namespaces = []string{"default"}
		}))},
		"OtherTTL": {why: "for longer", change: func(g *v1alpha1.AccessGrant) {
			g.Spec.ServiceAccount.TokenTTL.Duration = 168 * time.Hour
		}},
		"Escalation": {why: "with what is not admitted", change: func(g *v1alpha1.AccessGrant) {
			g.Spec.ServiceAccount.AllowEscalation = true
		}},
		"OtherCluster": {why: "of another Cluster", change: func(g *v1alpha1.AccessGrant) { g.Spec.Cluster.Name = "c2" }},
		"EarlierCluster": {
			why:  "of one that was created again",
			live: fixture.Cluster("team-a", "c1", fixture.UID("uid-2"), fixture.Provisioned("v1.36.3")),
		},
		"OtherNamespace": {why: "a copy beside another profile", change: func(g *v1alpha1.AccessGrant) { g.Namespace = "team-b" }},
		"OtherName":      {why: "a copy under another name", change: func(g *v1alpha1.AccessGrant) { g.Name = "c1.writer" }},
		"OtherProfile":   {why: "for another profile", change: func(g *v1alpha1.AccessGrant) { g.Spec.Profile = "c2" }},
		"OtherInventory": {why: "in another's name", change: func(g *v1alpha1.AccessGrant) { g.Spec.Inventory = "other" }},
		"Moved":          {why: "the Inventory publishes elsewhere now", inventory: &theirs},
		"NoProvider":     {why: "nobody asks any more", inventory: &v1alpha1.InventorySpec{}},
	} {
		t.Run(name, func(t *testing.T) {
			grant := grantOf(t, compile(t, scoped()), facts(cluster))
			if tc.change != nil {
				tc.change(grant)
			}
			spec, live := scoped(), cluster
			if tc.inventory != nil {
				spec = *tc.inventory
			}
			if tc.live != nil {
				live = tc.live
			}
			claims := claimsOf(t, live, compile(t, spec))
			if got := claims.AskFor(grant, live); got != tc.want {
				t.Errorf("%s: got %v", tc.why, got)
			}
		})
	}
}

// claimsOf returns the claims of Inventories, the oldest first, for a Cluster that has no profile.
func claimsOf(t *testing.T, cluster *clusterv1.Cluster, oldestFirst ...*profile.Inventory) profile.Claims {
	t.Helper()
	claims, err := profile.Compiled{Valid: oldestFirst}.Claims(nil, cluster, nil)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// TestAskForOneOfTwoInventories: of two Inventories each asks for what it says itself, and only where it publishes the Cluster.
func TestAskForOneOfTwoInventories(t *testing.T) {
	cluster := fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3"))
	of := func(name, namespace, role string) *profile.Inventory {
		compiler, err := cel.NewCompiler()
		if err != nil {
			t.Fatal(err)
		}
		spec := scoped(func(a *v1alpha1.ServiceAccountAccess) { a.ClusterRoles = []string{role} })
		spec.Namespace, spec.ProfileName = namespace, v1alpha1.ProfileNamingName
		inventory, err := profile.Compile(compiler, &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		return inventory
	}
	viewers, editors, late := of("viewers", "viewers", "view"), of("editors", "editors", "edit"), of("zz", "viewers", "edit")
	claims := claimsOf(t, cluster, viewers, editors, late)
	for _, inventory := range []*profile.Inventory{viewers, editors} {
		if !claims.AskFor(grantOf(t, inventory, facts(cluster)), cluster) {
			t.Errorf("%s asks for its own", inventory.Name())
		}
	}
	if claims.AskFor(grantOf(t, late, facts(cluster)), cluster) {
		t.Error("an Inventory that does not publish the Cluster asks for nothing")
	}
	crossed := grantOf(t, editors, facts(cluster))
	crossed.Namespace = "viewers"
	if claims.AskFor(crossed, cluster) {
		t.Error("what one Inventory asks for, another one's namespace does not get")
	}
}

// TestGrants: what is asked for of the hub, and what is taken back.
func TestGrants(t *testing.T) {
	key := profile.SecretKey{Name: "c1-kubeconfig", Key: "value"}
	broken := profile.Kubeconfig{Rejected: &endpoint.RejectedError{Reason: profile.SecretNotFound, Message: "no"}}
	for name, tc := range map[string]struct {
		why    string
		spec   v1alpha1.InventorySpec
		live   func(*v1alpha1.AccessGrant)
		broken bool
		// wanted is the endpoint of the grant that is applied; empty for none.
		wanted   string
		unwanted []string
	}{
		"First":        {why: "there is an endpoint", spec: scoped(), wanted: "present"},
		"NoEndpoint":   {why: "there is nothing to dial yet", spec: scoped(), broken: true},
		"Present":      {why: "the spec is put back, if need be", spec: scoped(), live: func(*v1alpha1.AccessGrant) {}, wanted: "present"},
		"NotAskedFor":  {why: "nobody asks for it any more", live: func(*v1alpha1.AccessGrant) {}, unwanted: []string{"c1.reader"}},
		"AnothersOwn":  {why: "the publisher did not make it", live: anotherWriter},
		"AlreadyGoing": {why: "it is being deleted", live: deleting},
		"ComesBack":    {why: "it is made again when it is gone", spec: scoped(), live: deleting},
		"MadeUp": {why: "a name that stands for no provider", spec: scoped(), wanted: "present", live: func(g *v1alpha1.AccessGrant) {
			anotherWriter(g)
			g.Name = "c1.mine"
		}},
		"NewEndpoint": {why: "it follows the kubeconfig", spec: scoped(), wanted: "present", live: func(g *v1alpha1.AccessGrant) {
			g.Spec.Endpoint = "sha256:old"
		}},
		"Broken": {
			why:  "a broken kubeconfig changes no endpoint",
			spec: scoped(), broken: true, wanted: "sha256:old", live: func(g *v1alpha1.AccessGrant) { g.Spec.Endpoint = "sha256:old" },
		},
		"EarlierCluster": {
			why:  "its successor is made when it is gone",
			spec: scoped(), live: earlierCluster, unwanted: []string{"c1.reader"},
		},
		"NameTaken": {why: "another writer has the name", spec: scoped(), live: func(g *v1alpha1.AccessGrant) {
			anotherWriter(g)
			g.Spec.Profile = "c2"
		}},
		"TakenOver": {
			why:  "another writer was first, and asked for the same access provider",
			spec: scoped(), wanted: "present", live: func(g *v1alpha1.AccessGrant) {
				anotherWriter(g)
				g.Spec.ServiceAccount.ClusterRoles = []string{"edit"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3")))
			present := f.Kubeconfigs[key].Endpoint.Digest()
			if tc.live != nil {
				live := grantOf(t, compile(t, scoped()), f)
				tc.live(live)
				f.Grants = []*v1alpha1.AccessGrant{live}
			}
			if tc.broken {
				f.Kubeconfigs[key] = broken
			}
			wanted, unwanted, err := compile(t, tc.spec).Grants(f)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tc.wanted == "" && len(wanted) > 0:
				t.Errorf("%s: got %s", tc.why, *wanted[0].Name)
			case tc.wanted != "" && len(wanted) == 1:
				if got := strings.Replace(*wanted[0].Spec.Endpoint, present, "present", 1); got != tc.wanted {
					t.Errorf("%s: got the endpoint %s", tc.why, got)
				}
			case tc.wanted != "":
				t.Errorf("%s: got %d", tc.why, len(wanted))
			}
			var names []string
			for _, grant := range unwanted {
				names = append(names, grant.Name)
			}
			if diff := cmp.Diff(tc.unwanted, names); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestGrantSaysWhatTheInventorySays compares a whole grant.
func TestGrantSaysWhatTheInventorySays(t *testing.T) {
	spec := scoped()
	spec.Namespace = "argocd"
	f := facts(fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3")))
	got := grantOf(t, compile(t, spec), f)
	got.ManagedFields, got.CreationTimestamp = nil, metav1.Time{}
	want := &v1alpha1.AccessGrant{
		TypeMeta: metav1.TypeMeta{APIVersion: "capi-inventory.dev/v1alpha1", Kind: "AccessGrant"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "argocd", Name: "team-a--c1.reader",
			Labels: map[string]string{
				v1alpha1.LabelInventory: "default", v1alpha1.LabelClusterNamespace: "team-a", v1alpha1.LabelClusterName: "c1",
			},
		},
		Spec: v1alpha1.AccessGrantSpec{
			Inventory: "default", Provider: "reader", Profile: "team-a--c1",
			Cluster:        v1alpha1.GrantedCluster{Namespace: "team-a", Name: "c1", UID: "uid-1"},
			ServiceAccount: *spec.AccessProviders[0].ServiceAccount,
			Endpoint:       f.Kubeconfigs[profile.SecretKey{Name: "c1-kubeconfig", Key: "value"}].Endpoint.Digest(),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func deleting(grant *v1alpha1.AccessGrant) { grant.DeletionTimestamp = ptr.To(metav1.NewTime(now)) }

func earlierCluster(grant *v1alpha1.AccessGrant) { grant.Spec.Cluster.UID = "uid-0" }
