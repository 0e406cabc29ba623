// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// Options are what is known of how the consumers are set up. The zero value knows nothing.
type Options struct {
	// Consumers are whom to ask; none means all.
	Consumers []Consumer
	// Namespaces is where a consumer looks; one that is not in it looks everywhere.
	Namespaces map[Consumer]string
	// Providers are the names in the consumers' provider file, in its order; none means that the file is not known.
	Providers []string
	// Seen are the namespaces whose profiles are all in the fleet; nil means every namespace. What may be in others is not known.
	Seen sets.Set[string]
}

// Finding is what one consumer makes of one profile.
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
	// What says what is wrong with the profile.
	What string `json:"what"`
	// Remedy says what to do about it.
	Remedy string `json:"remedy"`
	// Source is where the consumer's rule can be read.
	Source string `json:"source"`
}

// Lint finds what each consumer makes of each profile, profile by profile. fleet is all the profiles that the consumers may
// see beside them, themselves included: some rules are about two profiles that are too much alike.
func Lint(profiles, fleet []inventoryv1alpha1.ClusterProfile, options Options) []Finding {
	consumers := options.Consumers
	if len(consumers) == 0 {
		consumers = Consumers
	}
	beside := newIndex(fleet)
	findings := make([]Finding, 0, len(profiles)*len(consumers))
	for i := range profiles {
		for _, consumer := range consumers {
			findings = append(findings, examine(subject{ClusterProfile: &profiles[i], consumer: consumer, beside: beside, options: options}))
		}
	}
	return findings
}

// examine holds one profile against the rules of one consumer.
func examine(s subject) Finding {
	finding := Finding{Namespace: s.Namespace, Name: s.Name, Consumer: s.consumer, Accepts: Yes}
	for _, rule := range rules {
		if !slices.Contains(rule.consumers, s.consumer) {
			continue
		}
		fault := rule.check(s)
		if fault == nil {
			continue
		}
		verdict := rule.verdict
		if fault.mild && severity[verdict] > severity[Partly] {
			verdict = Partly
		}
		finding.Accepts = worse(finding.Accepts, verdict)
		finding.Breaches = append(finding.Breaches, Breach{Rule: rule.name, Verdict: verdict, What: fault.what, Remedy: rule.remedy, Source: rule.source})
	}
	slices.SortStableFunc(finding.Breaches, func(a, b Breach) int { return severity[b.Verdict] - severity[a.Verdict] })
	return finding
}

// subject is a profile as one consumer sees it.
type subject struct {
	*inventoryv1alpha1.ClusterProfile
	consumer Consumer
	beside   *index
	options  Options
}

// fault is how a profile breaks a rule; nil where it does not.
type problem struct {
	what string
	// mild says that the breach does not meet everybody: the verdict is Partly at worst.
	mild bool
}

// check looks for a breach.
type check func(subject) *problem

// rule is a row of the table.
type rule struct {
	consumers []Consumer
	name      string
	// verdict is what a breach means.
	verdict Verdict
	check   check
	remedy  string
	source  string
}

// Rule is a row of the table, to be read.
type Rule struct {
	Name      string     `json:"name"`
	Consumers []Consumer `json:"consumers"`
	Verdict   Verdict    `json:"verdict"`
	Remedy    string     `json:"remedy"`
	Source    string     `json:"source"`
}

// Rules is the table.
func Rules() []Rule {
	all := make([]Rule, 0, len(rules))
	for _, rule := range rules {
		all = append(all, Rule{Name: rule.name, Consumers: rule.consumers, Verdict: rule.verdict, Remedy: rule.remedy, Source: rule.source})
	}
	return all
}
