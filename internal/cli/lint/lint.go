// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// Options describe how the consumers are configured, as far as that is known.
type Options struct {
	// Consumers are the consumers to check for; empty means all.
	Consumers []Consumer
	// Namespaces is the only namespace that a consumer reads; a consumer that is not in it reads all.
	Namespaces map[Consumer]string
	// Providers are the names in the consumers' provider file, in its order; empty means that the file is not known.
	Providers []string
	// Seen are the namespaces whose profiles are all in the fleet; nil means all namespaces. The content of others is not known.
	Seen sets.Set[string]
	// Unseen says why the content of others is not known; empty means that the user may not list the profiles there.
	Unseen string
}

// Finding is the result for one profile and one consumer.
type Finding struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Consumer  Consumer `json:"consumer"`
	// Accepts is the worst verdict of the breaches.
	Accepts Verdict `json:"accepts"`
	// Breaches are the rules that the profile does not keep, the worst first.
	Breaches []Breach `json:"breaches,omitempty"`
}

// Breach is a rule that a profile does not keep.
type Breach struct {
	Rule    string  `json:"rule"`
	Verdict Verdict `json:"verdict"`
	// What is wrong with the profile.
	What string `json:"what"`
	// Remedy is what to do about it.
	Remedy string `json:"remedy"`
	// Source is where the consumer's rule was found.
	Source string `json:"source"`
}

// Lint checks each profile against the rules of each consumer, and returns the findings profile by profile. fleet holds all
// profiles that the consumers may read, including the profiles themselves: some rules compare two profiles.
func Lint(profiles, fleet []inventoryv1alpha1.ClusterProfile, options Options) []Finding {
	consumers := options.Consumers
	if len(consumers) == 0 {
		consumers = Consumers
	}
	index := newIndex(fleet)
	findings := make([]Finding, 0, len(profiles)*len(consumers))
	for i := range profiles {
		for _, consumer := range consumers {
			findings = append(findings, check(subject{ClusterProfile: &profiles[i], consumer: consumer, fleet: index, options: options}))
		}
	}
	return findings
}

// check checks one profile against the rules of one consumer.
func check(s subject) Finding {
	finding := Finding{Namespace: s.Namespace, Name: s.Name, Consumer: s.consumer, Accepts: Yes}
	for _, rule := range rules {
		if !slices.Contains(rule.consumers, s.consumer) {
			continue
		}
		found := rule.check(s)
		if found == nil {
			continue
		}
		verdict := rule.verdict
		if found.partial && severity[verdict] > severity[Partly] {
			verdict = Partly
		}
		finding.Accepts = worse(finding.Accepts, verdict)
		finding.Breaches = append(finding.Breaches, Breach{
			Rule: rule.name, Verdict: verdict, What: found.what, Remedy: rule.remedy, Source: rule.source,
		})
	}
	slices.SortStableFunc(finding.Breaches, func(a, b Breach) int { return severity[b.Verdict] - severity[a.Verdict] })
	return finding
}

// subject is a profile and the consumer to check it for.
type subject struct {
	*inventoryv1alpha1.ClusterProfile
	consumer Consumer
	fleet    *index
	options  Options
}

// problem is how a profile breaks a rule; nil if it keeps the rule.
type problem struct {
	what string
	// partial means that the rule is broken in some configurations of the consumer only: the verdict is at worst Partly.
	partial bool
}

// checkFunc returns how a profile breaks a rule, or nil.
type checkFunc func(subject) *problem

// rule is a row of the table.
type rule struct {
	consumers []Consumer
	name      string
	// verdict is what a breach means.
	verdict Verdict
	check   checkFunc
	remedy  string
	source  string
}

// Rule is a row of the table, for printing.
type Rule struct {
	Name      string     `json:"name"`
	Consumers []Consumer `json:"consumers"`
	Verdict   Verdict    `json:"verdict"`
	Remedy    string     `json:"remedy"`
	Source    string     `json:"source"`
}

// Rules returns the table.
func Rules() []Rule {
	all := make([]Rule, 0, len(rules))
	for _, rule := range rules {
		all = append(all, Rule{Name: rule.name, Consumers: rule.consumers, Verdict: rule.verdict, Remedy: rule.remedy, Source: rule.source})
	}
	return all
}
