// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// stalled is a clock on which every deadline is over at once.
type stalled struct{ *clocktesting.FakeClock }

func (c stalled) AfterFunc(after time.Duration, do func()) clock.Timer {
	timer := c.FakeClock.AfterFunc(after, do)
	c.Step(after)
	return timer
}

func TestPropertyStaysOnABusyMachine(t *testing.T) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := profile.Compile(compiler.WithClock(stalled{clocktesting.NewFakeClock(time.Now())}), &v1alpha1.Inventory{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec: v1alpha1.InventorySpec{Properties: []v1alpha1.PropertyExpression{{
			Name:       "slow.example.com",
			Expression: "string(lists.range(500).map(i, i).sum())",
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := facts(fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3")))
	published := &inventoryv1alpha1.ClusterProfile{Status: inventoryv1alpha1.ClusterProfileStatus{
		Properties: []inventoryv1alpha1.Property{{Name: "slow.example.com", Value: "124750"}},
	}}
	f.Published = read(t, owning(published, "status", map[string]any{"f:status": map[string]any{"f:properties": map[string]any{
		`k:{"name":"slow.example.com"}`: map[string]any{"f:name": map[string]any{}, "f:value": map[string]any{}},
	}}}))
	status, problems := inventory.Status(f, 1)
	kept := ""
	for _, property := range status.Status.Properties {
		if *property.Name == "slow.example.com" {
			kept = *property.Value
		}
	}
	if kept != "124750" {
		t.Errorf("got %q; a value must not come and go with the load of a machine", kept)
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "stays as it was published") {
		t.Errorf("got %v; the administrator is to know that the value may be old", problems)
	}
}

func TestLargeParameterIsNamed(t *testing.T) {
	inventory := compile(t, v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{{Name: "p", Exec: &v1alpha1.ExecAccess{
		Server: "'https://a:1'", Extension: map[string]v1alpha1.Expression{"large": "lists.range(9000)"},
	}}}})
	_, problems := inventory.Status(facts(fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3"))), 1)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "extension[large]") ||
		!strings.Contains(problems[0].Message, "16384 bytes") {
		t.Errorf("got %v; a profile that is too large is refused as a whole", problems)
	}
}
