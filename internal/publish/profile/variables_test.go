// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// withExpressions is a specification with an expression of a property, and with others of two exec providers.
func withExpressions(property, server, parameter v1alpha1.Expression) v1alpha1.InventorySpec {
	provider := func(name string) v1alpha1.AccessProvider {
		return v1alpha1.AccessProvider{Name: name, Exec: &v1alpha1.ExecAccess{
			Server: server, Extension: map[string]v1alpha1.Expression{"name": parameter},
		}}
	}
	return v1alpha1.InventorySpec{
		Properties:      []v1alpha1.PropertyExpression{{Name: "name.example.com", Expression: property}},
		AccessProviders: []v1alpha1.AccessProvider{provider("a"), provider("b")},
	}
}

func TestUses(t *testing.T) {
	const name, version, host = "cluster.metadata.name", "controlPlane.status.version", "'https://' + infrastructure.spec.host"
	for name, tc := range map[string]struct {
		why  string
		spec v1alpha1.InventorySpec
		want map[string]bool
	}{
		"None":    {why: "there is no expression", want: map[string]bool{}},
		"Cluster": {why: "no other object is read", spec: withExpressions(name, "", name), want: map[string]bool{cel.Cluster: true}},
		"Property": {
			why: "a property counts", spec: withExpressions(version, "", name),
			want: map[string]bool{cel.Cluster: true, cel.ControlPlane: true},
		},
		"Server": {
			why: "an endpoint counts", spec: withExpressions(name, host, name),
			want: map[string]bool{cel.Cluster: true, cel.Infrastructure: true},
		},
		"Parameter": {
			why: "a parameter of a plugin counts", spec: withExpressions(name, "", version),
			want: map[string]bool{cel.Cluster: true, cel.ControlPlane: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inventory, got := compile(t, tc.spec), map[string]bool{}
			for _, variable := range []string{cel.Cluster, cel.ControlPlane, cel.Infrastructure, "other"} {
				if inventory.Uses(variable) {
					got[variable] = true
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// The Inventories of a Cluster share the object that expressions see. What they publish is the same as without.
func TestSharedObject(t *testing.T) {
	const name = "cluster.metadata.name"
	inventory := compile(t, withExpressions(name, "'https://' + cluster.metadata.name + ':6443'", name))
	own := facts(fixture.Cluster("team-a", "c1", fixture.Provisioned("v1.36.3")))
	shared := own
	shared.Object = &profile.ClusterObject{}
	want, problems := inventory.Status(own, 1)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for range 2 {
		if got, _ := inventory.Status(shared, 1); cmp.Diff(want, got) != "" {
			t.Errorf("-want +got:\n%s", cmp.Diff(want, got))
		}
	}
	allocations := func(f profile.Facts) float64 { return testing.AllocsPerRun(10, func() { inventory.Status(f, 1) }) }
	if once, each := allocations(shared), allocations(own); once >= each {
		t.Errorf("%g allocations where the object is shared, %g where it is not", once, each)
	}
	another := shared
	another.Cluster = fixture.Cluster("team-a", "c2", fixture.Provisioned("v1.36.3"))
	published, _ := inventory.Status(another, 1)
	if got := *published.Status.Properties[len(published.Status.Properties)-1].Value; got != "c2" {
		t.Errorf("an object that another Cluster has left gives %q", got)
	}
}

// BenchmarkStatus decides the status of a Cluster's profile by expressions.
func BenchmarkStatus(b *testing.B) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		b.Fatal(err)
	}
	const name = "cluster.metadata.name"
	inventory, err := profile.Compile(
		compiler,
		&v1alpha1.Inventory{Spec: withExpressions(name, "'https://' + cluster.metadata.name", name)},
	)
	if err != nil {
		b.Fatal(err)
	}
	f := facts(fixture.Cluster("team-a", "c1", fixture.Provisioned("v1.36.3")))
	b.ReportAllocs()
	for b.Loop() {
		inventory.Status(f, 1)
	}
}
