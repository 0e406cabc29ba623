// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// undecided reports whether only the labels of the Cluster's namespace can exclude the Cluster, and the user may not read them.
func (f Facts) undecided(source *v1alpha1.Inventory) bool {
	selector, err := metav1.LabelSelectorAsSelector(&source.Spec.ClusterSelector)
	namespaces := source.Spec.NamespaceSelector
	return f.Unread.Namespace && err == nil && selector.Matches(labels.Set(f.Cluster.Labels)) && !profile.OptedOut(f.Cluster) &&
		len(namespaces.MatchLabels)+len(namespaces.MatchExpressions) > 0
}

// whyNotSelected returns the first reason why the Inventory does not select the Cluster.
func (f Facts) whyNotSelected(source *v1alpha1.Inventory) string {
	if profile.OptedOut(f.Cluster) {
		return fmt.Sprintf("the Cluster opts out: its label %s is %s", v1alpha1.LabelPublish, f.Cluster.Labels[v1alpha1.LabelPublish])
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
				return fmt.Sprintf("%s requires %q, and %s %s", half.field, requirement.String(), half.whose,
					has(half.set, requirement.Key()))
			}
		}
	}
	return "it does not select the Cluster"
}

// has describes the label of a key.
func has(set labels.Set, key string) string {
	if value, found := set[key]; found {
		return fmt.Sprintf("has %s=%s", key, value)
	}
	return fmt.Sprintf("has no label %s", key)
}

// whyPending returns the problem that the Inventory reports for the Cluster, or for itself.
func (f Facts) whyPending(source *v1alpha1.Inventory) string {
	if problems := f.leftOut(source.Name); len(problems) > 0 {
		return fmt.Sprintf("%s: %s", problems[0].Reason, problems[0].Message)
	}
	ready := meta.FindStatusCondition(source.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return "no publisher has processed the Inventory yet; is it running?"
	case ready.ObservedGeneration < source.Generation:
		return "the publisher has not processed the last change of the Inventory yet; is it running?"
	case ready.Status != metav1.ConditionTrue:
		return fmt.Sprintf("the Inventory is not ready (%s): %s", ready.Reason, ready.Message)
	}
	return "the publisher reports that it has published everything in its scope; --namespace or --watch-filter may exclude the Cluster"
}

// WhyNotSelected returns the first reason why an Inventory does not select a Cluster, given the labels of the Cluster's namespace.
func WhyNotSelected(inventory *v1alpha1.Inventory, cluster *clusterv1.Cluster, namespace labels.Set) string {
	return Facts{Cluster: cluster, NamespaceLabels: namespace}.whyNotSelected(inventory)
}
