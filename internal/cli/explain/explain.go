// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package explain says why a Cluster is or is not published, where, and where each field of its profiles comes from.
//
// It decides nothing anew: whether an Inventory selects a Cluster, under which name it publishes it and which of two
// Inventories has it are asked of the publisher's own core (internal/publish/profile), so that the explanation cannot differ from
// what happens. What the core does not say is why a selector does not match; that is told here, field by field.
//
// It is pure: objects in, a Report out. Facts of the publisher that no object shows (its flags --namespace and
// --watch-filter, what is in a Secret) are named where they may matter, not guessed.
package explain

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Facts are the objects that an explanation is made of.
type Facts struct {
	// Cluster is what is explained, with its managed fields; nil where a profile is explained that stands for none here.
	Cluster *clusterv1.Cluster
	// NamespaceLabels are those of the Cluster's namespace.
	NamespaceLabels labels.Set
	// Inventories are all that there are.
	Inventories []v1alpha1.Inventory
	// Profiles are all that may be read, with their managed fields.
	Profiles []inventoryv1alpha1.ClusterProfile
	// Checks are the SpokeChecks beside them.
	Checks map[types.NamespacedName]*v1alpha1.SpokeCheck
	// Unread is what may be there besides, and could not be read for lack of rights.
	Unread Unread
	// Only, where it is set, is the one profile to be told of.
	Only types.NamespacedName
	// Lint is what is known of the consumers.
	Lint lint.Options
}

// Report is an explanation.
type Report struct {
	// Kind and Name are of what is explained.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Notes are sentences about the whole.
	Notes []string `json:"notes,omitempty"`
	// Unread says what could not be read for lack of rights, and what is not known because of that.
	Unread []string `json:"unread,omitempty"`
	// Placements say what each Inventory does with the Cluster.
	Placements []Placement `json:"placements,omitempty"`
	// Profiles are those that stand for the Cluster.
	Profiles []Profile `json:"profiles,omitempty"`
}

// Profile is one profile, explained.
type Profile struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Manager   string `json:"manager"`
	// Reachable is what the SpokeCheck beside it says, or that this may not be read; empty where there is no SpokeCheck.
	Reachable string  `json:"reachable,omitempty"`
	Fields    []Field `json:"fields"`
	// LeftOut is what the Inventory could not publish, or not in full.
	LeftOut []Problem `json:"leftOut,omitempty"`
	// Consumers are the findings of those consumers that do not accept the profile as it is.
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
	// Source says from where the value comes.
	Source string `json:"source"`
	// Owners are the field managers that have set it.
	Owners []string `json:"owners,omitempty"`
}

// Cluster explains a Cluster and the profiles that stand for it.
func Cluster(f Facts) (Report, error) {
	name := types.NamespacedName{Namespace: f.Cluster.Namespace, Name: f.Cluster.Name}
	report := Report{Kind: "Cluster", Name: name.String(), Notes: clusterNotes(f.Cluster)}
	if f.Only != (types.NamespacedName{}) {
		report.Kind, report.Name = "ClusterProfile", f.Only.String()
		report.Notes = append([]string{fmt.Sprintf("It stands for the Cluster %s.", name)}, report.Notes...)
	}
	placements, err := place(f)
	if err != nil {
		return Report{}, err
	}
	report.Placements = placements
	report.Unread = f.unread(name)
	if len(f.Inventories) == 0 && !f.Unread.Inventories {
		report.Notes = append(report.Notes, "There is no Inventory, so nothing is published: an Inventory says which Clusters are published where.")
	}
	for i := range f.Profiles {
		p := &f.Profiles[i]
		if source, stamped := profile.SourceOf(p); !stamped || source != name || f.excludes(p) {
			continue
		}
		report.Profiles = append(report.Profiles, f.profile(p))
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
	switch source, stamped := profile.SourceOf(p); {
	case stamped && f.Unread.Cluster:
		report.Notes = append(report.Notes, fmt.Sprintf("It stands for the Cluster %s.", source))
		report.Unread = f.unread(source)
	case stamped:
		report.Notes = append(report.Notes, fmt.Sprintf("It stands for the Cluster %s, which is not there; the publisher deletes it when it has made sure of that.", source))
		report.Unread = f.unread(source)
	default:
		report.Notes = append(report.Notes, fmt.Sprintf("It is published by the cluster manager %q, for no Cluster of this hub.", p.Spec.ClusterManager.Name))
	}
	return report, nil
}

// Hidden explains a Cluster that may not be read by the profiles that stand for it.
func Hidden(f Facts, cluster types.NamespacedName) Report {
	report := Report{Kind: "Cluster", Name: cluster.String(), Unread: f.unread(cluster)}
	for i := range f.Profiles {
		if source, stamped := profile.SourceOf(&f.Profiles[i]); stamped && source == cluster {
			report.Profiles = append(report.Profiles, f.profile(&f.Profiles[i]))
		}
	}
	return report
}

func (f Facts) profile(p *inventoryv1alpha1.ClusterProfile) Profile {
	out := Profile{Namespace: p.Namespace, Name: p.Name, Manager: p.Spec.ClusterManager.Name, Fields: f.fields(p), LeftOut: f.leftOut(p.Labels[v1alpha1.LabelInventory])}
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

// leftOut are the problems that an Inventory tells of the Cluster.
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
		for _, told := range f.Inventories[i].Status.Problems {
			if told.Cluster == name {
				problems = append(problems, Problem{Reason: told.Reason, Message: told.Message})
			}
		}
	}
	return problems
}

// clusterNotes are what to know of a Cluster whatever the Inventories say.
func clusterNotes(cluster *clusterv1.Cluster) []string {
	var notes []string
	if !cluster.DeletionTimestamp.IsZero() {
		notes = append(notes, "The Cluster is being deleted; its profiles go when it is gone.")
	}
	_, annotated := cluster.Annotations[clusterv1.PausedAnnotation]
	if annotated || cluster.Spec.Paused != nil && *cluster.Spec.Paused {
		notes = append(notes, "The Cluster is paused, so its conditions are frozen and its profiles say Unknown.")
	}
	if initialized := cluster.Status.Initialization.ControlPlaneInitialized; initialized == nil || !*initialized {
		notes = append(notes, "The control plane is not initialized yet: there is no access to publish before it is.")
	}
	if filter, set := cluster.Labels[clusterv1.WatchLabel]; set {
		notes = append(notes, fmt.Sprintf("The label %s is %q: only a publisher with that --watch-filter, or with none, looks at it.", clusterv1.WatchLabel, filter))
	}
	return notes
}

// conditionOf finds a condition of a Cluster.
func conditionOf(cluster *clusterv1.Cluster, conditionType string) metav1.ConditionStatus {
	for _, condition := range cluster.Status.Conditions {
		if condition.Type == conditionType {
			return condition.Status
		}
	}
	return "not reported"
}
