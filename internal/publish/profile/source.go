// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Sourced is a value that is published, and where it comes from. The publisher takes its values from here, and explanations their
// sources, so that the two cannot differ.
type Sourced struct {
	// Name is the key of a label, or the name of a property.
	Name  string
	Value string
	// Source describes the source to users, as part of a sentence.
	Source string
}

// OwnLabels returns the labels of a Cluster's profile that are not propagated, for the Inventory of the name.
func OwnLabels(f Facts, inventory string) []Sourced {
	const provenance = "the Cluster's metadata: provenance"
	id, source := memberID(f)
	return []Sourced{
		{inventoryv1alpha1.LabelClusterManagerKey, f.Manager, "the publisher's --cluster-manager-name"},
		{v1alpha1.LabelInventoryMemberID, id, source},
		{v1alpha1.LabelInventory, inventory, "the Inventory's name"},
		{v1alpha1.LabelClusterNamespace, f.Cluster.Namespace, provenance},
		{v1alpha1.LabelClusterName, f.Cluster.Name, provenance},
		{v1alpha1.LabelClusterUID, string(f.Cluster.UID), provenance},
	}
}

// memberID identifies the member. While the profile exists it does not change (KEP-4322), even if the Cluster's label does; but an
// ID that another writer has set is not adopted.
func memberID(f Facts) (id, source string) {
	const uid, label = "the Cluster's UID", "the Cluster's label of that name when the profile was first published"
	if f.Published != nil {
		switch id, owned := f.Published.label(v1alpha1.LabelInventoryMemberID); {
		case owned && id == string(f.Cluster.UID):
			return id, uid
		case owned && id != "":
			return id, label
		}
	}
	if id := f.Cluster.Labels[v1alpha1.LabelInventoryMemberID]; id != "" {
		return id, label
	}
	return string(f.Cluster.UID), uid
}

// DisplayName returns the display name of a Cluster's profile.
func DisplayName(cluster *clusterv1.Cluster) Sourced {
	if name := displayName(cluster.Annotations[v1alpha1.AnnotationDisplayName]); name != "" {
		return Sourced{Value: name, Source: "the Cluster's annotation " + v1alpha1.AnnotationDisplayName}
	}
	return Sourced{Value: cluster.Name, Source: "the Cluster's name"}
}

// DerivedProperties returns the properties that are taken from a field of the Inventory or of the Cluster. One without a value is
// not published.
func DerivedProperties(inventory string, spec *v1alpha1.InventorySpec, cluster *clusterv1.Cluster) []Sourced {
	return []Sourced{
		{v1alpha1.PropertyClusterSet, spec.ClusterSet, "Inventory " + inventory + " spec.clusterSet"},
		{v1alpha1.PropertyInfrastructureKind, cluster.Spec.InfrastructureRef.Kind, "the Cluster's spec.infrastructureRef.kind"},
		{v1alpha1.PropertyControlPlaneKind, cluster.Spec.ControlPlaneRef.Kind, "the Cluster's spec.controlPlaneRef.kind"},
		{v1alpha1.PropertyClusterClass, cluster.Spec.Topology.ClassRef.Name, "the Cluster's spec.topology.classRef.name"},
	}
}

// VersionSource returns the source of a Cluster's Kubernetes version, as far as the Cluster and the policy of its Inventory show it.
func VersionSource(cluster *clusterv1.Cluster, policy v1alpha1.SpokeCheckPolicy) string {
	if reportedVersion(cluster) != "" {
		return "the Cluster's status.controlPlane.versions, the lowest"
	}
	const check = "the kubernetesVersion of the profile's SpokeCheck"
	ref, topology, trusted := cluster.Spec.ControlPlaneRef, "the Cluster's spec.topology.version", policy == v1alpha1.SpokeCheckPolicyTrust
	switch {
	case ref.IsDefined() && trusted:
		return fmt.Sprintf("the status of %s %s, else %s, else %s", ref.Kind, ref.Name, topology, check)
	case ref.IsDefined():
		return fmt.Sprintf("the status of %s %s, or %s if it has no version", ref.Kind, ref.Name, topology)
	case trusted && !settled(cluster):
		return check
	case trusted:
		return topology + ", else " + check
	}
	return topology
}

// ConditionSource returns the source of a condition of a Cluster's profile; empty if the publisher does not set the condition.
func ConditionSource(cluster *clusterv1.Cluster, condition metav1.Condition) string {
	switch {
	case condition.Reason == v1alpha1.ReasonClusterAPIDown:
		return "the Leases controller-leader-election-capi, which no Cluster API controller renews"
	case condition.Type == inventoryv1alpha1.ClusterConditionControlPlaneHealthy:
		available, probe := healthConditions(cluster)
		check := ""
		if condition.Reason == v1alpha1.ReasonSpokeAnswers || condition.Reason == v1alpha1.ReasonSpokeSilent {
			check = fmt.Sprintf("the condition %s of the profile's SpokeCheck, despite ", v1alpha1.ConditionReachable)
		}
		return check + fmt.Sprintf("the Cluster's conditions %s=%s and %s=%s",
			clusterv1.ClusterControlPlaneAvailableCondition, statusOf(available),
			clusterv1.ClusterRemoteConnectionProbeCondition, statusOf(probe))
	case condition.Type == v1alpha1.ConditionJoined:
		return "whether an access provider is published"
	}
	return ""
}

// healthConditions returns the conditions of a Cluster that decide about its health; nil for one that is not reported.
func healthConditions(cluster *clusterv1.Cluster) (available, probe *metav1.Condition) {
	return meta.FindStatusCondition(cluster.Status.Conditions, clusterv1.ClusterControlPlaneAvailableCondition),
		meta.FindStatusCondition(cluster.Status.Conditions, clusterv1.ClusterRemoteConnectionProbeCondition)
}

func statusOf(condition *metav1.Condition) string {
	if condition == nil {
		return "not reported"
	}
	return string(condition.Status)
}
