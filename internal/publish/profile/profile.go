// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Profile decides the metadata and the spec of a Cluster's profile. A Cluster that cannot be published at all gives nil and
// the reason.
func (inv *Inventory) Profile(f Facts) (*inventoryac.ClusterProfileApplyConfiguration, []Problem) {
	if faults := validation.IsValidLabelValue(f.Cluster.Name); len(faults) > 0 {
		return nil, []Problem{
			problem(
				v1alpha1.ProblemInvalidName,
				"the Cluster's name is not a valid label value, which Cluster API requires: %s",
				faults[0],
			),
		}
	}
	var problems []Problem
	if value, set := f.Cluster.Labels[v1alpha1.LabelPublish]; set && !isBool(value) {
		problems = append(
			problems,
			problem(
				v1alpha1.ProblemInvalidPublishLabel,
				"the label %s of the Cluster is %q, which is neither true nor false, and is ignored",
				v1alpha1.LabelPublish,
				value,
			),
		)
	}
	labels, labelProblems := inv.propagatedLabels(f.Cluster.Labels)
	annotations, annotationProblems := inv.propagatedAnnotations(f.Cluster.Annotations)
	for _, label := range OwnLabels(f, inv.name) {
		labels[label.Name] = label.Value
	}

	spec := inventoryac.ClusterProfileSpec().WithClusterManager(inventoryac.ClusterManager().WithName(f.Manager))
	if !displayNameTaken(f.Published) {
		spec.WithDisplayName(DisplayName(f.Cluster).Value)
	}
	key := inv.Key(f.Cluster)
	out := inventoryac.ClusterProfile(key.Name, key.Namespace).WithLabels(labels).WithSpec(spec)
	if len(annotations) > 0 {
		out.WithAnnotations(annotations)
	}
	return out, slices.Concat(problems, labelProblems, annotationProblems)
}

var displayNamePath = fieldpath.MakePathOrDie("spec", "displayName")

// displayNameTaken reports whether somebody else has set the display name, which is meant for people (KEP-4322): theirs
// stays.
func displayNameTaken(live *Live) bool {
	if live == nil {
		return false
	}
	taken := false
	for _, entry := range live.ManagedFields {
		if entry.FieldsV1 == nil || entry.Subresource != "" {
			continue
		}
		owned := fieldpath.Set{}
		if err := owned.FromJSON(entry.FieldsV1.GetRawReader()); err != nil || !owned.Has(displayNamePath) {
			continue
		}
		if entry.Manager == FieldManager {
			return false
		}
		taken = true
	}
	return taken
}
