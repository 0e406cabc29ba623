// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// State is what an Inventory does with a Cluster.
type State string

// The states.
const (
	// Published: the profile exists and is this Cluster's.
	Published State = "Published"
	// Pending: the Inventory selects the Cluster, and its profile does not exist yet.
	Pending State = "Pending"
	// Blocked: a profile of another Cluster or another manager has the name.
	Blocked State = "Blocked"
	// ClaimedByOther: another Inventory publishes the Cluster into the same namespace.
	ClaimedByOther State = "ClaimedByOther"
	// NotSelected: the Inventory does not select the Cluster.
	NotSelected State = "NotSelected"
	// Withdrawing: the Inventory does not select the Cluster, and its profile still exists.
	Withdrawing State = "Withdrawing"
	// Broken: the Inventory is invalid, or is being deleted.
	Broken State = "Broken"
	// Unknown: the user may not read what decides.
	Unknown State = "Unknown"
)

// Placement is what an Inventory does with the Cluster.
type Placement struct {
	Inventory string `json:"inventory"`
	State     State  `json:"state"`
	// Profile is where the Cluster is published, or would be.
	Profile string `json:"profile,omitempty"`
	// Why is a sentence.
	Why string `json:"why"`
}

// placement is how the Inventories of the hub compete for a Cluster. Inventories of different publisher classes do not.
type placement struct {
	Facts
	sources map[string]*v1alpha1.Inventory
	// invalid are the errors of Inventories that cannot be compiled, by name.
	invalid map[string]error
	// claims are the decisions of the publishers' core, by publisher class.
	claims map[string]profile.Claims
	// managers are the cluster manager names of the publishers, by class.
	managers map[string]string
}

func newPlacement(f Facts) *placement {
	p := &placement{
		Facts: f, sources: map[string]*v1alpha1.Inventory{}, invalid: map[string]error{}, claims: map[string]profile.Claims{},
	}
	classOf := map[string]string{}
	for i := range f.Inventories {
		classOf[f.Inventories[i].Name] = f.Inventories[i].Spec.PublisherClass
	}
	p.managers = profile.ManagerNames(f.Profiles, classOf)
	return p
}

// place returns what each Inventory does: first those that cannot publish, then the others, the oldest first.
func place(f Facts) ([]Placement, error) {
	p := newPlacement(f)
	broken, valid, err := p.compile()
	if err != nil {
		return nil, err
	}
	if err := p.decide(valid); err != nil {
		return nil, err
	}
	placements := broken
	for _, inventory := range valid {
		placements = append(placements, p.in(inventory))
	}
	return placements, nil
}

// compile compiles the Inventories. Those that can publish are sorted by age.
func (p *placement) compile() (broken []Placement, valid []*profile.Inventory, err error) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		return nil, nil, err
	}
	for i := range p.Inventories {
		source := &p.Inventories[i]
		p.sources[source.Name] = source
		inventory, err := profile.Compile(compiler, source)
		switch {
		case !source.DeletionTimestamp.IsZero():
			broken = append(broken, Placement{Inventory: source.Name, State: Broken, Why: "it is being deleted, and its profiles with it"})
		case err != nil:
			p.invalid[source.Name] = err
			why := "its specification is invalid: " + strings.ReplaceAll(err.Error(), "\n", "; ")
			broken = append(broken, Placement{Inventory: source.Name, State: Broken, Why: why})
		default:
			valid = append(valid, inventory)
		}
	}
	profile.SortByAge(valid)
	return broken, valid, nil
}

// decide lets the core decide, for each publisher class. An Inventory of which the user may not read whether it selects the Cluster
// is left out.
func (p *placement) decide(valid []*profile.Inventory) error {
	classes := map[string][]*profile.Inventory{}
	for _, inventory := range valid {
		if source := p.sources[inventory.Name()]; !p.undecided(source) {
			classes[source.Spec.PublisherClass] = append(classes[source.Spec.PublisherClass], inventory)
		}
	}
	cluster := types.NamespacedName{Namespace: p.Cluster.Namespace, Name: p.Cluster.Name}
	var published []*inventoryv1alpha1.ClusterProfile
	for i := range p.Profiles {
		if source, stamped := profile.LabelledCluster(&p.Profiles[i]); stamped && source == cluster {
			published = append(published, &p.Profiles[i])
		}
	}
	for class, inventories := range classes {
		invalid := map[string]error{}
		for name, err := range p.invalid {
			if p.sources[name].Spec.PublisherClass == class {
				invalid[name] = err
			}
		}
		claims, err := profile.Compiled{Valid: inventories, Invalid: invalid}.Claims(published, p.Cluster, p.NamespaceLabels)
		if err != nil {
			return err
		}
		p.claims[class] = claims
	}
	return nil
}

// in returns what one Inventory does.
func (p *placement) in(inventory *profile.Inventory) Placement {
	source := p.sources[inventory.Name()]
	key := inventory.Key(p.Cluster)
	out := Placement{Inventory: inventory.Name(), Profile: key.String()}
	claims := p.claims[source.Spec.PublisherClass]
	switch refused := claims.Refused[inventory.Name()]; {
	case p.undecided(source):
		out.State = Unknown
		out.Why = fmt.Sprintf("spec.namespaceSelector decides, and you may not read the labels of the Namespace %s", p.Cluster.Namespace)
	case !slices.Contains(claims.Selecting, inventory.Name()):
		out.State, out.Profile, out.Why = NotSelected, "", p.whyNotSelected(source)
		live := p.find(key)
		if live != nil && live.Labels[v1alpha1.LabelInventory] == source.Name && p.ownership(source, live) == profile.Owned {
			out.State, out.Profile = Withdrawing, key.String()
		}
	case len(refused) > 0:
		out.State, out.Why = ClaimedByOther, refused[0].Message
	case p.Unread.hides(key.Namespace):
		out.State = Unknown
		out.Why = fmt.Sprintf("it selects the Cluster; the ClusterProfiles in the namespace %s were not read", key.Namespace)
	default:
		out.State, out.Why = p.granted(source, p.find(key))
	}
	return out
}

// granted returns what became of a claim that was granted.
func (p *placement) granted(source *v1alpha1.Inventory, live *profile.Live) (state State, why string) {
	switch p.ownership(source, live) {
	case profile.Owned:
		if !live.DeletionTimestamp.IsZero() {
			return Pending, fmt.Sprintf("the profile is being deleted and waits for %s; it is created again after that",
				strings.Join(live.Finalizers, ", "))
		}
		return Published, "it selects the Cluster"
	case profile.Absent:
		return Pending, p.whyPending(source)
	case profile.OfEarlier:
		return Pending, "the profile is of an earlier Cluster of this name; it is replaced after its deletion"
	}
	return Blocked, profile.ForeignProblem(live, p.managers[source.Spec.PublisherClass]).Message
}

func (f Facts) find(key types.NamespacedName) *profile.Live {
	for i := range f.Profiles {
		if f.Profiles[i].Namespace == key.Namespace && f.Profiles[i].Name == key.Name {
			live, err := profile.Read(&f.Profiles[i])
			if err != nil {
				return nil
			}
			return live
		}
	}
	return nil
}

// ownership returns what a profile is to the Cluster, for the publisher that serves an Inventory.
func (p *placement) ownership(of *v1alpha1.Inventory, live *profile.Live) profile.Ownership {
	return profile.OwnershipAmong(live, p.managers[of.Spec.PublisherClass], p.Cluster, func(inventory string) bool {
		other, known := p.sources[inventory]
		return known && other.Spec.PublisherClass != of.Spec.PublisherClass
	})
}
