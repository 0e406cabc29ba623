// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// ofParameters is an access provider with some parameters of 15 KB each.
func ofParameters(name string, count int) v1alpha1.AccessProvider {
	extension := map[string]v1alpha1.Expression{}
	for i := range count {
		extension[fmt.Sprintf("p%02d", i)] = "cluster.metadata.annotations['big']"
	}
	return v1alpha1.AccessProvider{Name: name, Exec: &v1alpha1.ExecAccess{Server: "'https://10.0.0.1:6443'", Extension: extension}}
}

// TestAccessIsBounded: a profile that etcd would refuse is published without what is too much, and what is too much is named.
func TestAccessIsBounded(t *testing.T) {
	type counts map[string]int
	of := func(a, b, c int) v1alpha1.InventorySpec {
		providers := []v1alpha1.AccessProvider{ofParameters("a", a), ofParameters("b", b), ofParameters("c", c)}
		return v1alpha1.InventorySpec{AccessProviders: providers}
	}
	small, large := of(10, 20, 1), of(30, 20, 1)
	for name, tc := range map[string]struct {
		why     string
		before  *v1alpha1.InventorySpec
		spec    v1alpha1.InventorySpec
		want    counts
		skipped []string
	}{
		"Enough": {why: "all of them fit", spec: of(30, 20, 1), want: counts{"a": 30, "b": 20, "c": 1}},
		"TooMuch": {
			why:  "the first in the Inventory's order, and the small one",
			spec: of(32, 32, 1), want: counts{"a": 32, "c": 1}, skipped: []string{"b"},
		},
		"Grown": {
			why:    "what grows takes no access away from others",
			before: &small, spec: of(30, 24, 2), want: counts{"a": 30, "b": 20, "c": 2}, skipped: []string{"b"},
		},
		"GrownFirst": {
			why:    "nor where it comes first",
			before: &small, spec: of(32, 20, 1), want: counts{"a": 10, "b": 20, "c": 1}, skipped: []string{"a"},
		},
		"Shrunk": {
			why:    "room that one gives up is the other's at once",
			before: &large, spec: of(18, 32, 1), want: counts{"a": 18, "b": 32, "c": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3"))
			cluster.Annotations = map[string]string{"big": strings.Repeat("x", 15_000)}
			f := facts(cluster)
			if tc.before != nil {
				f.Published = read(t, publishedAs(t, *tc.before, f))
			}
			status, problems := compile(t, tc.spec).Status(f, 1)
			got := counts{}
			for _, provider := range status.Status.AccessProviders {
				var parameters map[string]string
				if err := json.Unmarshal(provider.Cluster.Extensions[0].Extension.Raw, &parameters); err != nil {
					t.Fatal(err)
				}
				got[*provider.Name] = len(parameters)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.why, diff)
			}
			var skipped []string
			for _, p := range problems {
				name, why, _ := strings.Cut(strings.TrimPrefix(p.Message, "access provider "), ": ")
				skipped = append(skipped, name)
				if p.Reason != v1alpha1.ProblemAccessProviderSkipped || !strings.Contains(why, "extension[p00] has 15002") {
					t.Errorf("%s: %s: the largest field must be named", p.Reason, p.Message)
				}
			}
			if diff := cmp.Diff(tc.skipped, skipped); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// publishedAs is the profile that an Inventory has published.
func publishedAs(t *testing.T, spec v1alpha1.InventorySpec, f profile.Facts) *inventoryv1alpha1.ClusterProfile {
	t.Helper()
	status, _ := compile(t, spec).Status(f, 1)
	p := &inventoryv1alpha1.ClusterProfile{}
	owned := map[string]any{}
	for _, provider := range status.Status.AccessProviders {
		published := inventoryv1alpha1.AccessProvider{Name: *provider.Name, Cluster: *provider.Cluster}
		p.Status.AccessProviders = append(p.Status.AccessProviders, published)
		fields := map[string]any{"f:server": map[string]any{}, "f:extensions": map[string]any{}}
		owned[`k:{"name":"`+published.Name+`"}`] = map[string]any{"f:cluster": fields}
	}
	return owning(p, "status", map[string]any{"f:status": map[string]any{"f:accessProviders": owned}})
}
