// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// outcome is what becomes of a published profile.
type outcome struct {
	// fate is StaysUntilReplaced only where no replacement can be published.
	fate profile.Fate
	// by is the profile that replaces it, or would; empty for none. inventory is that of by.
	by        types.NamespacedName
	inventory string
	// why is why it is not replaced, or when.
	why string
}

// compareFate reports a published profile that the edit withdraws or replaces, or would if it could be carried out.
func (p *pass) compareFate(live *profile.Live) {
	before, after := p.outcome(p.class.before, p.before, live), p.outcome(p.class.after, p.after, live)
	if after.fate == profile.Stays || before.fate == profile.Withdrawn || before == after {
		return
	}
	_, inventory, _ := live.Provenance()
	change := ProfileChange{Inventory: inventory, Action: Withdraw, Profile: nameOf(live).String(), Why: after.why}
	switch replaced := after.by != (types.NamespacedName{}); {
	case after.fate == profile.StaysUntilReplaced:
		change.Action, change.From, change.Profile = Blocked, change.Profile, ""
		if replaced {
			change.Profile = after.by.String()
		}
		change.Why = fmt.Sprintf("%s; ClusterProfile %s stays until then", after.why, change.From)
		p.held[inventory] = true
	case replaced && p.before.Has(after.by):
		// It is there already, and what becomes of it is reported by itself.
		change.Why = fmt.Sprintf("ClusterProfile %s takes its place", after.by)
		p.add(change)
		return
	case replaced:
		change.Action, change.From, change.Profile = Rename, change.Profile, after.by.String()
		if after.inventory != inventory {
			change.Inventory, change.FromInventory = after.inventory, inventory
		}
	default:
		if source := p.class.after.sources[inventory]; source != nil {
			change.Why = explain.WhyNotSelected(source, p.cluster, p.namespace)
		}
	}
	p.reported[after.by] = true
	p.add(change)
}

// outcome decides what becomes of a published profile: as the publisher, which withdraws one that is wanted otherwise only when its
// replacement is on the hub, with access if the old one had any.
func (p *pass) outcome(s side, claims profile.Claims, live *profile.Live) outcome {
	_, inventory, _ := live.Provenance()
	fate := claims.FateOf(live, p.cluster, s.Invalid)
	if fate != profile.StaysUntilReplaced {
		return outcome{fate: fate}
	}
	held := outcome{fate: fate}
	if refused := claims.Refused[inventory]; len(refused) > 0 {
		held.why = refused[0].Message
	}
	for _, claim := range claims.Replacements(live) {
		to := outcome{fate: profile.Withdrawn, by: claim.Profile, inventory: claim.Inventory.Name()}
		blocked := p.blocked(claim)
		if blocked == "" {
			if wanted := p.contents(claim); !wanted.access && len(live.Status.AccessProviders) > 0 {
				to.why = fmt.Sprintf("ClusterProfile %s stays until the new one has access", nameOf(live))
			}
			return to
		}
		if held.by == (types.NamespacedName{}) {
			held.by, held.inventory, held.why = to.by, to.inventory, blocked
		}
	}
	return held
}

// blocked returns why the profile of a claim cannot be written; empty if nothing prevents it.
func (p *pass) blocked(claim profile.Claim) string {
	if live := p.live[claim.Profile]; p.ownership(live) == profile.Foreign {
		return profile.ForeignProblem(live, p.manager()).Message
	}
	if problem := profile.NamespaceProblem(claim.Profile.Namespace, p.Namespaces[claim.Profile.Namespace]); problem != nil {
		return problem.Message
	}
	if wanted := p.contents(claim); wanted.fields == nil {
		return wanted.problems[0].Message
	}
	return ""
}

// ownership returns that of a profile for the Cluster. One that an Inventory of another publisher class has published is foreign.
func (p *pass) ownership(live *profile.Live) profile.Ownership {
	return profile.OwnershipAmong(live, p.manager(), p.cluster, func(inventory string) bool {
		class, known := p.edit.classOf[inventory]
		return known && class != p.class.name
	})
}

func (p *pass) manager() string { return p.managers[p.class.name] }

// compareClaim reports what the edit changes of a profile that is wanted after it.
func (p *pass) compareClaim(claim profile.Claim) {
	name := claim.Inventory.Name()
	i := slices.IndexFunc(p.before.Granted, func(c profile.Claim) bool { return c.Profile == claim.Profile })
	same := i >= 0 && p.before.Granted[i].Inventory.Name() == name
	if p.reported[claim.Profile] || same && p.edit.kinds[name] == "" {
		return
	}
	change := ProfileChange{Inventory: name, Profile: claim.Profile.String()}
	if why := p.blocked(claim); why != "" {
		if change.Action, change.Why = Blocked, why; same {
			p.inventory(name).Unchanged++
			return
		}
		p.add(change)
		return
	}
	wanted := p.contents(claim)
	if i < 0 {
		p.compareUnclaimed(claim, change)
		return
	}
	earlier := p.contents(p.before.Granted[i])
	change.Fields = compareFields(earlier.fields, wanted.fields)
	change.Problems = problemsOf(slices.DeleteFunc(slices.Clone(wanted.problems), func(problem profile.Problem) bool {
		return slices.Contains(earlier.problems, problem)
	}))
	switch {
	case !same:
		change.Action, change.FromInventory = TakeOver, p.before.Granted[i].Inventory.Name()
	case len(change.Fields)+len(change.Problems) > 0:
		change.Action = Change
	default:
		p.inventory(name).Unchanged++
		return
	}
	p.add(change)
}

// compareUnclaimed reports a profile that no Inventory wants before the edit. It may be on the hub all the same: because it cannot be
// replaced, or because the Inventory that published it is invalid.
func (p *pass) compareUnclaimed(claim profile.Claim, change ProfileChange) {
	wanted := p.contents(claim)
	change.Action, change.Problems = Publish, problemsOf(wanted.problems)
	switch live := p.live[claim.Profile]; p.ownership(live) {
	case profile.Owned:
		if _, inventory, _ := live.Provenance(); inventory != change.Inventory {
			change.Action, change.FromInventory = TakeOver, inventory
			break
		}
		if p.unchanged(claim, live) {
			p.inventory(change.Inventory).Unchanged++
			return
		}
		change.Action, change.Why = Change, "the profile that is on the hub stays, and is updated"
	case profile.OfEarlier:
		change.Why = "after the profile of an earlier Cluster of this name is gone"
	}
	p.add(change)
}

// unchanged reports whether a claim wants its profile as it is on the hub.
func (p *pass) unchanged(claim profile.Claim, live *profile.Live) bool {
	facts := p.facts(claim)
	wanted, _ := claim.Inventory.Profile(facts)
	status, _ := claim.Inventory.Status(facts, live.Generation)
	same, err := live.Unchanged(wanted, "")
	sameStatus, statusErr := live.Unchanged(status, "status")
	return err == nil && statusErr == nil && same && sameStatus
}

// compareRefused reports the edited Inventories that now select the Cluster, and leave it to another one.
func (p *pass) compareRefused() {
	for _, name := range slices.Sorted(maps.Keys(p.after.Refused)) {
		_, refused := p.before.Refused[name]
		switch {
		case p.edit.kinds[name] == "", p.held[name]:
		case refused:
			p.inventory(name).Unchanged++
		default:
			p.add(ProfileChange{Inventory: name, Action: Leave, Why: p.after.Refused[name][0].Message})
		}
	}
}

func nameOf(live *profile.Live) types.NamespacedName {
	return types.NamespacedName{Namespace: live.Namespace, Name: live.Name}
}
