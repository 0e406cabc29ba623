// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// State is what became of a Cluster in an Inventory.
type State string

// The states.
const (
	// Published: the profile is there and is this Cluster's.
	Published State = "Published"
	// Pending: the Inventory selects the Cluster, and its profile is not there yet.
	Pending State = "Pending"
	// Blocked: something that is not the Cluster's has the name.
	Blocked State = "Blocked"
	// ClaimedByOther: an older Inventory publishes the Cluster into the same namespace.
	ClaimedByOther State = "ClaimedByOther"
	// NotSelected: the Inventory does not want the Cluster.
	NotSelected State = "NotSelected"
	// Withdrawing: the Inventory does not want the Cluster, and its profile is still there.
	Withdrawing State = "Withdrawing"
	// Broken: the Inventory cannot work, or is going.
	Broken State = "Broken"
	// Unknown: it could not be read what becomes of the Cluster.
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

// place goes through the Inventories as the publisher does, the oldest first: it has the Cluster of all that want it in one
// namespace.
func place(f Facts) ([]Placement, error) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		return nil, err
	}
	var placements []Placement
	var usable []*profile.Inventory
	sources := map[string]*v1alpha1.Inventory{}
	for i := range f.Inventories {
		source := &f.Inventories[i]
		sources[source.Name] = source
		inventory, err := profile.Compile(compiler, source)
		switch {
		case err != nil:
			placements = append(placements, Placement{Inventory: source.Name, State: Broken, Why: "its specification cannot work: " + strings.ReplaceAll(err.Error(), "\n", "; ")})
		case !source.DeletionTimestamp.IsZero():
			placements = append(placements, Placement{Inventory: source.Name, State: Broken, Why: "it is being deleted, and its profiles with it"})
		default:
			usable = append(usable, inventory)
		}
	}
	slices.SortFunc(usable, func(a, b *profile.Inventory) int {
		if a.OlderThan(b) {
			return -1
		}
		return 1
	})
	holders := map[string]string{}
	for _, inventory := range usable {
		placements = append(placements, f.placeIn(inventory, sources[inventory.Name()], holders))
	}
	return placements, nil
}

// placeIn says what one Inventory does. holders are the Inventories that have the Cluster already, by namespace.
func (f Facts) placeIn(inventory *profile.Inventory, source *v1alpha1.Inventory, holders map[string]string) Placement {
	key := inventory.Key(f.Cluster)
	live := f.find(key)
	out := Placement{Inventory: inventory.Name(), Profile: key.String()}
	if f.Unread.Namespace && f.hangsOnNamespace(source) {
		out.State, out.Why = Unknown, fmt.Sprintf("spec.namespaceSelector decides, and you may not read the labels of the Namespace %s", f.Cluster.Namespace)
		return out
	}
	if !inventory.Selects(f.Cluster, f.NamespaceLabels) {
		out.State, out.Profile, out.Why = NotSelected, "", f.whyNotSelected(source)
		if live != nil && live.Labels[v1alpha1.LabelInventory] == source.Name && f.standing(live) == profile.Ours {
			out.State, out.Profile = Withdrawing, key.String()
		}
		return out
	}
	if holder, held := holders[key.Namespace]; held {
		out.State, out.Why = ClaimedByOther, fmt.Sprintf("the older Inventory %s publishes the Cluster into the namespace %s, which holds one profile of a Cluster", holder, key.Namespace)
		return out
	}
	holders[key.Namespace] = inventory.Name()
	if f.Unread.hides(key.Namespace) {
		out.State, out.Why = Unknown, fmt.Sprintf("it selects the Cluster; you may not read ClusterProfiles in the namespace %s", key.Namespace)
		return out
	}
	switch f.standing(live) {
	case profile.Ours:
		out.State, out.Why = Published, "it selects the Cluster"
		if !live.DeletionTimestamp.IsZero() {
			out.State, out.Why = Pending, fmt.Sprintf("the profile is being deleted and waits for %s; it is made anew when it is gone", strings.Join(live.Finalizers, ", "))
		}
	case profile.Absent:
		out.State, out.Why = Pending, f.whyPending(source)
	case profile.Outlived:
		out.State, out.Why = Pending, "the profile is of an earlier Cluster of this name; it is replaced when it is gone"
	default:
		// The publisher's own name as a manager is on the profiles that it has applied, and nowhere else.
		manager := ""
		if live.Applied() {
			manager = live.Spec.ClusterManager.Name
		}
		out.State, out.Why = Blocked, profile.ForeignProblem(live, manager).Message
	}
	return out
}

// hangsOnNamespace says whether nothing but the labels of its namespace can keep the Cluster out.
func (f Facts) hangsOnNamespace(source *v1alpha1.Inventory) bool {
	selector, err := metav1.LabelSelectorAsSelector(&source.Spec.ClusterSelector)
	namespaces := source.Spec.NamespaceSelector
	return err == nil && selector.Matches(labels.Set(f.Cluster.Labels)) && !profile.OptedOut(f.Cluster) &&
		len(namespaces.MatchLabels)+len(namespaces.MatchExpressions) > 0
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

// standing is what a profile is to the Cluster. The publisher's name for itself is in no object but its profiles, so a
// profile with the provenance of a Cluster is taken to be of the publisher.
func (f Facts) standing(live *profile.Live) profile.Ownership {
	if live == nil {
		return profile.Absent
	}
	return profile.OwnershipOf(live, live.Spec.ClusterManager.Name, f.Cluster)
}

// whyNotSelected names the first thing that keeps the Cluster out.
func (f Facts) whyNotSelected(source *v1alpha1.Inventory) string {
	if f.Cluster.Labels[v1alpha1.LabelPublish] == "false" {
		return fmt.Sprintf("the Cluster opts out: its label %s is false", v1alpha1.LabelPublish)
	}
	for _, half := range []struct {
		field    string
		selector *metav1.LabelSelector
		set      labels.Set
		whose    string
	}{
		{"spec.clusterSelector", &source.Spec.ClusterSelector, f.Cluster.Labels, "the Cluster"},
		{"spec.namespaceSelector", &source.Spec.NamespaceSelector, f.NamespaceLabels, "the namespace " + f.Cluster.Namespace},
	} {
		selector, err := metav1.LabelSelectorAsSelector(half.selector)
		if err != nil || selector.Matches(half.set) {
			continue
		}
		requirements, _ := selector.Requirements()
		for _, requirement := range requirements {
			if !requirement.Matches(half.set) {
				return fmt.Sprintf("%s requires %q, and %s %s", half.field, requirement.String(), half.whose, has(half.set, requirement.Key()))
			}
		}
	}
	return "it does not select the Cluster"
}

// has says what a set of labels has for a key.
func has(set labels.Set, key string) string {
	if value, found := set[key]; found {
		return fmt.Sprintf("has %s=%s", key, value)
	}
	return fmt.Sprintf("has no label %s", key)
}

// whyPending says what the Inventory tells of the Cluster, or of itself.
func (f Facts) whyPending(source *v1alpha1.Inventory) string {
	if problems := f.leftOut(source.Name); len(problems) > 0 {
		return fmt.Sprintf("%s: %s", problems[0].Reason, problems[0].Message)
	}
	ready := meta.FindStatusCondition(source.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return "no publisher has looked at the Inventory yet; is it running?"
	case ready.ObservedGeneration < source.Generation:
		return "the publisher has not seen the Inventory's last change yet; is it running?"
	case ready.Status != metav1.ConditionTrue:
		return fmt.Sprintf("the Inventory is not ready (%s): %s", ready.Reason, ready.Message)
	}
	return "the publisher says that it has published everything it looks at; it may have been told to look elsewhere, by --namespace or --watch-filter"
}
