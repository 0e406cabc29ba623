// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
)

// TestFleet compares every profile of random fleets with every other one, as the rules about two profiles define it, and expects
// the same findings from lint, which uses an index.
func TestFleet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	among := func(prefix string, n int) string { return fmt.Sprint(prefix, random.IntN(n)) }
	for range 200 {
		fleet := make([]profile, 12)
		for i := range fleet {
			fleet[i] = sound(named(among("ns-", 3), fmt.Sprint("p", i), time.Duration(random.IntN(3))*time.Hour),
				managedBy(among("manager-", 2)),
				label(v1alpha1.LabelInventoryMemberID, among("member-", 4)), server("https://"+among("server-", 8)))
			if random.IntN(5) == 0 {
				delete(fleet[i].Labels, v1alpha1.LabelInventoryMemberID)
			}
		}
		options := lint.Options{Namespaces: map[lint.Consumer]string{lint.Headlamp: "ns-0"}}
		for _, finding := range lint.Lint(fleet, fleet, options) {
			i := slices.IndexFunc(fleet, func(p profile) bool { return p.Name == finding.Name })
			var got []string
			for _, breach := range finding.Breaches {
				got = append(got, breach.Rule)
			}
			slices.Sort(got)
			if diff := cmp.Diff(compared(fleet, i, finding.Consumer), got); diff != "" {
				t.Fatalf("%s of %v -want +got:\n%s", finding.Consumer, fleet, diff)
			}
		}
	}
}

// compared returns the rules about two profiles that a profile of the fleet breaks, by comparison with all others.
func compared(fleet []profile, i int, consumer lint.Consumer) (rules []string) {
	p := fleet[i]
	id := p.Labels[v1alpha1.LabelInventoryMemberID]
	any := func(rule string, is func(o profile, sameID, here, sameManager bool) bool) {
		for j, o := range fleet {
			if i != j && is(o, id != "" && o.Labels[v1alpha1.LabelInventoryMemberID] == id, o.Namespace == p.Namespace,
				o.Spec.ClusterManager.Name == p.Spec.ClusterManager.Name) {
				rules = append(rules, rule)
				return
			}
		}
	}
	switch consumer {
	case lint.ArgoCD:
		any("one-member", func(o profile, sameID, here, _ bool) bool {
			return sameID && here && !p.CreationTimestamp.Time.Before(o.CreationTimestamp.Time)
		})
		any("one-server", func(o profile, _, here, _ bool) bool {
			return here && o.Status.AccessProviders[0].Cluster.Server == p.Status.AccessProviders[0].Cluster.Server
		})
	case lint.Conformance:
		if id == "" {
			rules = append(rules, "complete")
		}
		any("member-id-unique", func(_ profile, sameID, here, _ bool) bool { return sameID && here })
	case lint.Sveltos, lint.MulticlusterRuntime:
		any("one-profile", func(_ profile, sameID, _, sameManager bool) bool { return sameID && sameManager })
	case lint.Headlamp:
		seen := p.Namespace == "ns-0" || slices.ContainsFunc(fleet, func(o profile) bool {
			return id != "" && o.Namespace == "ns-0" && o.Labels[v1alpha1.LabelInventoryMemberID] == id &&
				o.Spec.ClusterManager.Name == p.Spec.ClusterManager.Name
		})
		if !seen {
			rules = append(rules, "namespace")
		}
	}
	return rules
}

// BenchmarkLint: the time for a profile does not grow with the fleet, even if a tenant gives all of them one server and one ID.
func BenchmarkLint(b *testing.B) {
	for _, n := range []int{500, 1000, 2000, 10000} {
		for name, same := range map[string]bool{"Distinct": false, "Alike": true} {
			fleet := make([]profile, n)
			for i := range fleet {
				fleet[i] = sound(named("argocd", fmt.Sprint("c", i), time.Duration(i)*time.Second))
				if !same {
					label(v1alpha1.LabelInventoryMemberID, fmt.Sprint(i))(&fleet[i])
					server(fmt.Sprint("https://10.0.0.1:", i))(&fleet[i])
				}
			}
			b.Run(fmt.Sprint(name, n), func(b *testing.B) {
				for b.Loop() {
					lint.Lint(fleet, fleet, lint.Options{Namespaces: lint.DefaultNamespaces})
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/profile")
			})
		}
	}
}
