// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func compileNamed(t *testing.T, name string) *profile.Inventory {
	t.Helper()
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := profile.Compile(compiler, &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if err != nil {
		t.Fatal(err)
	}
	return inventory
}

// TestFateOf: what becomes of a profile that the Inventory "a" has published as team-a/c1.
func TestFateOf(t *testing.T) {
	a, b := compileNamed(t, "a"), compileNamed(t, "b")
	here := types.NamespacedName{Namespace: "team-a", Name: "c1"}
	there := types.NamespacedName{Namespace: "apps", Name: "c1"}
	for name, tc := range map[string]struct {
		why     string
		claims  profile.Claims
		cluster []fixture.ClusterOption
		invalid map[string]error
		// earlier says that the profile was published for an earlier Cluster of the same name.
		earlier bool
		want    profile.Fate
		// replacements are the profiles that replace it.
		replacements []types.NamespacedName
	}{
		"Wanted": {
			why: "an Inventory wants just this profile", want: profile.Stays, replacements: []types.NamespacedName{here},
			claims: profile.Claims{Granted: []profile.Claim{{Inventory: b, Profile: here}}},
		},
		"Moved": {
			why: "its Inventory wants it elsewhere", want: profile.StaysUntilReplaced, replacements: []types.NamespacedName{there},
			claims: profile.Claims{Selecting: []string{a.Name()}, Granted: []profile.Claim{{Inventory: a, Profile: there}}},
		},
		"MovedByAnother": {
			why: "another Inventory has its namespace, and publishes elsewhere, too", want: profile.StaysUntilReplaced,
			replacements: []types.NamespacedName{{Namespace: "team-a", Name: "other"}},
			claims: profile.Claims{Selecting: []string{a.Name(), b.Name()}, Granted: []profile.Claim{
				{Inventory: b, Profile: types.NamespacedName{Namespace: "team-a", Name: "other"}}, {Inventory: b, Profile: there},
			}},
		},
		"Deselected": {why: "no Inventory selects the Cluster", want: profile.Withdrawn},
		"OptedOut": {
			why: "the Cluster decides, even where the Inventory is invalid", want: profile.Withdrawn,
			cluster: []fixture.ClusterOption{fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"})},
			invalid: map[string]error{a.Name(): errors.New("invalid")},
		},
		"OfAnEarlierCluster": {
			why: "that Cluster is gone: neither an invalid Inventory nor a replacement is waited for", want: profile.Withdrawn,
			earlier: true, invalid: map[string]error{a.Name(): errors.New("invalid")}, replacements: []types.NamespacedName{there},
			claims: profile.Claims{Selecting: []string{a.Name()}, Granted: []profile.Claim{{Inventory: a, Profile: there}}},
		},
		"OfAnEarlierClusterAndWanted": {
			why: "the profile of the Cluster that exists takes its name", want: profile.Stays, earlier: true,
			claims: profile.Claims{Granted: []profile.Claim{{Inventory: a, Profile: here}}}, replacements: []types.NamespacedName{here},
		},
		"Invalid": {
			why: "a typo withdraws nothing", want: profile.Stays, invalid: map[string]error{a.Name(): errors.New("invalid")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fixture.Cluster("team-a", "c1", append(tc.cluster, fixture.UID("uid-1"))...)
			labels := map[string]string{
				v1alpha1.LabelInventory:        a.Name(),
				v1alpha1.LabelClusterNamespace: cluster.Namespace,
				v1alpha1.LabelClusterName:      cluster.Name,
				v1alpha1.LabelClusterUID:       string(cluster.UID),
			}
			if tc.earlier {
				labels[v1alpha1.LabelClusterUID] = "earlier"
			}
			live := read(t, owningLabels(&inventoryv1alpha1.ClusterProfile{
				ObjectMeta: metav1.ObjectMeta{Namespace: here.Namespace, Name: here.Name, Labels: labels},
			}, slices.Collect(maps.Keys(labels))...))
			if got := tc.claims.FateOf(live, cluster, tc.invalid); got != tc.want {
				t.Errorf("%s: %d, want %d", tc.why, got, tc.want)
			}
			var replacements []types.NamespacedName
			for _, claim := range tc.claims.Replacements(live) {
				replacements = append(replacements, claim.Profile)
			}
			if diff := cmp.Diff(tc.replacements, replacements); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}
