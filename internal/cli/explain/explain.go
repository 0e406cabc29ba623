// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package explain explains why a Cluster is or is not published, where, and where each field of its profiles comes from.
//
// It makes no decision of its own: whether an Inventory selects a Cluster, which of several Inventories publishes it, under which
// name, and from which source a value comes are results of the publisher's core (internal/publish/profile), so that explanation and
// publisher cannot differ. This package adds why a selector does not match, field by field.
//
// It is pure: objects in, a Report out. What no object shows of the publisher (its flags --namespace and --watch-filter, the content
// of a Secret) is mentioned where it may matter, not guessed.
package explain

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Facts are the objects that an explanation is based on.
type Facts struct {
	// Cluster is what is explained, with its managed fields; nil for a profile that stands for no Cluster of this hub.
	Cluster *clusterv1.Cluster
	// NamespaceLabels are those of the Cluster's namespace.
	NamespaceLabels labels.Set
	// Inventories are all Inventories of the hub.
	Inventories []v1alpha1.Inventory
	// Profiles are all profiles that may be read, with their managed fields.
	Profiles []inventoryv1alpha1.ClusterProfile
	// Checks are the SpokeChecks of the profiles.
	Checks map[types.NamespacedName]*v1alpha1.SpokeCheck
	// Grants are the AccessGrants in the namespaces of the profiles to report.
	Grants map[types.NamespacedName]*v1alpha1.AccessGrant
	// Unread is what the user may not read.
	Unread Unread
	// Now is when the rest was read: an access may have expired.
	Now time.Time
	// Only, if set, is the only profile to report.
	Only types.NamespacedName
	// Lint describes how the consumers are configured.
	Lint lint.Options
}

// Report is an explanation.
type Report struct {
	// Kind and Name identify what is explained.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Notes are sentences about the Cluster or the profile.
	Notes []string `json:"notes,omitempty"`
	// Unread lists what the user may not read, and what is not known because of that.
	Unread []string `json:"unread,omitempty"`
	// Placements are what each Inventory does with the Cluster.
	Placements []Placement `json:"placements,omitempty"`
	// Profiles are the profiles that stand for the Cluster.
	Profiles []Profile `json:"profiles,omitempty"`
}

// Profile is one profile, explained.
type Profile struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Manager   string `json:"manager"`
	// Note says that the profile does not stand for the Cluster that its labels name; empty where it does.
	Note string `json:"note,omitempty"`
	// Reachable is the condition of the profile's SpokeCheck, or that it may not be read; empty if there is no SpokeCheck.
	Reachable string  `json:"reachable,omitempty"`
	Fields    []Field `json:"fields"`
	// Access is what a broker grants, or is to grant, for the profile.
	Access []Access `json:"access,omitempty"`
	// LeftOut is what the Inventory could not publish, or only in part.
	LeftOut []Problem `json:"leftOut,omitempty"`
	// Consumers are the findings for the consumers that do not fully accept the profile.
	Consumers []lint.Finding `json:"consumers,omitempty"`
}

// Problem is one thing that could not be published.
type Problem struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Field is one field of a profile.
type Field struct {
	Path  string `json:"path"`
	Value string `json:"value"`
	// Source is where the value comes from.
	Source string `json:"source"`
	// Owners are the field managers that own the field.
	Owners []string `json:"owners,omitempty"`
}

// Cluster explains a Cluster and the profiles that stand for it.
func Cluster(f Facts) (Report, error) {
	name := types.NamespacedName{Namespace: f.Cluster.Namespace, Name: f.Cluster.Name}
	report := Report{Kind: "Cluster", Name: name.String(), Notes: clusterNotes(f.Cluster)}
	if f.Only != (types.NamespacedName{}) {
		report.Kind, report.Name = "ClusterProfile", f.Only.String()
		for i := range f.Profiles {
			if !f.excludes(&f.Profiles[i]) {
				report.Notes = append([]string{standsFor(&f.Profiles[i], name)}, report.Notes...)
			}
		}
	}
	placements, err := place(f)
	if err != nil {
		return Report{}, err
	}
	report.Placements = placements
	report.Unread = f.unread(name)
	if len(f.Inventories) == 0 && !f.Unread.Inventories {
		report.Notes = append(report.Notes, "There is no Inventory, so nothing is published: an Inventory selects Clusters and where to "+
			"publish them.")
	}
	report.Notes = append(report.Notes, f.cutProblems(placements)...)
	for i := range f.Profiles {
		p := &f.Profiles[i]
		if source, stamped := profile.LabelledCluster(p); !stamped || source != name || f.excludes(p) {
			continue
		}
		report.Profiles = append(report.Profiles, f.noted(p, name))
	}
	return report, nil
}

func (f Facts) excludes(p *inventoryv1alpha1.ClusterProfile) bool {
	return f.Only != (types.NamespacedName{}) && f.Only != types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
}

// Foreign explains a profile that stands for no Cluster of this hub.
func Foreign(f Facts) (Report, error) {
	i := slices.IndexFunc(f.Profiles, func(p inventoryv1alpha1.ClusterProfile) bool { return !f.excludes(&p) })
	if i < 0 {
		return Report{}, fmt.Errorf("there is no ClusterProfile %s", f.Only)
	}
	p := &f.Profiles[i]
	report := Report{Kind: "ClusterProfile", Name: f.Only.String(), Profiles: []Profile{f.profile(p)}}
	switch source, stamped := profile.LabelledCluster(p); {
	case stamped:
		report.Notes = append(report.Notes, standsFor(p, source))
		report.Unread = f.unread(source)
		if !f.Unread.Cluster && hasProvenance(p) {
			report.Notes = append(report.Notes, "The Cluster does not exist; the publisher verifies that and deletes the profile.")
		}
	default:
		report.Notes = append(report.Notes,
			fmt.Sprintf("The cluster manager %q publishes it, and it stands for no Cluster of this hub.", p.Spec.ClusterManager.Name))
	}
	return report, nil
}

// Hidden explains a Cluster that the user may not read, from the profiles that stand for it.
func Hidden(f Facts, cluster types.NamespacedName) Report {
	report := Report{Kind: "Cluster", Name: cluster.String(), Unread: f.unread(cluster)}
	for i := range f.Profiles {
		if source, stamped := profile.LabelledCluster(&f.Profiles[i]); stamped && source == cluster {
			report.Profiles = append(report.Profiles, f.noted(&f.Profiles[i], cluster))
		}
	}
	return report
}

func (f Facts) profile(p *inventoryv1alpha1.ClusterProfile) Profile {
	out := Profile{
		Namespace: p.Namespace,
		Name:      p.Name,
		Manager:   p.Spec.ClusterManager.Name,
		Fields:    f.fields(p),
		Access:    f.access(p),
		LeftOut:   f.leftOut(p.Labels[v1alpha1.LabelInventory]),
	}
	if f.Unread.Checks.Has(p.Namespace) {
		out.Reachable = "not known: you may not read SpokeChecks in the namespace " + p.Namespace
	}
	if check := f.Checks[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}]; check != nil {
		for _, condition := range check.Status.Conditions {
			if condition.Type == v1alpha1.ConditionReachable {
				out.Reachable = fmt.Sprintf("%s (%s): %s", condition.Status, condition.Reason, condition.Message)
			}
		}
	}
	for _, finding := range lint.Lint([]inventoryv1alpha1.ClusterProfile{*p}, f.Profiles, f.Lint) {
		if finding.Accepts != lint.Yes {
			out.Consumers = append(out.Consumers, finding)
		}
	}
	return out
}

// leftOut returns the problems that an Inventory reports for the Cluster.
func (f Facts) leftOut(inventory string) []Problem {
	if f.Cluster == nil {
		return nil
	}
	name := types.NamespacedName{Namespace: f.Cluster.Namespace, Name: f.Cluster.Name}.String()
	var problems []Problem
	for i := range f.Inventories {
		if f.Inventories[i].Name != inventory {
			continue
		}
		for _, p := range f.Inventories[i].Status.Problems {
			if p.Cluster == name {
				problems = append(problems, Problem{Reason: p.Reason, Message: p.Message})
			}
		}
	}
	return problems
}

// cutProblems says which of the Inventories that select the Cluster may have more problems with it than they report.
func (f Facts) cutProblems(placements []Placement) []string {
	var notes []string
	for i := range f.Inventories {
		inventory := &f.Inventories[i]
		concerned := slices.ContainsFunc(placements, func(p Placement) bool {
			return p.Inventory == inventory.Name && p.State != NotSelected
		})
		if concerned && len(inventory.Status.Problems) >= v1alpha1.MaxProblems {
			notes = append(
				notes,
				fmt.Sprintf("The Inventory %s reports its first %d problems only; one with this Cluster may be missing here.",
					inventory.Name, v1alpha1.MaxProblems),
			)
		}
	}
	return notes
}

// clusterNotes returns notes about the Cluster that do not depend on an Inventory.
func clusterNotes(cluster *clusterv1.Cluster) []string {
	var notes []string
	if !cluster.DeletionTimestamp.IsZero() {
		notes = append(notes, "The Cluster is being deleted; its profiles are deleted after it.")
	}
	if profile.Paused(cluster) {
		notes = append(notes,
			"The Cluster is paused: its conditions are not updated, so Cluster API says nothing of the health of its profiles.")
	}
	if !profile.ControlPlaneInitialized(cluster) {
		notes = append(notes, "The control plane is not initialized yet; its access is published after that.")
	}
	if filter, set := cluster.Labels[clusterv1.WatchLabel]; set {
		notes = append(notes, fmt.Sprintf("The label %s is %q: only a publisher with that --watch-filter, or without one, watches the "+
			"Cluster.",
			clusterv1.WatchLabel, filter))
	}
	return notes
}
