// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// keptConditions are the conditions of a Cluster that a profile or an expression uses.
var keptConditions = map[string]bool{
	clusterv1.ClusterAvailableCondition:             true,
	clusterv1.ClusterControlPlaneAvailableCondition: true,
	clusterv1.ClusterRemoteConnectionProbeCondition: true,
	clusterv1.ClusterTopologyReconciledCondition:    true,
	clusterv1.ClusterRollingOutCondition:            true,
}

// transformCluster drops what no profile is made of and no expression needs: most of the size of a real Cluster. docs/inventory.md
// lists it, because expressions do not see it.
func transformCluster(object any) (any, error) {
	cluster, ok := object.(*clusterv1.Cluster)
	if !ok {
		return object, nil
	}
	trimMetadata(cluster)
	cluster.Finalizers, cluster.OwnerReferences = nil, nil
	topology := &cluster.Spec.Topology
	topology.ControlPlane = clusterv1.ControlPlaneTopology{}
	trimWorkers(&topology.Workers)
	cluster.Status.Deprecated = nil
	if workers := cluster.Status.Workers; workers != nil {
		workers.UpgradePlan = nil
	}
	kept := make([]metav1.Condition, 0, len(keptConditions))
	for _, condition := range cluster.Status.Conditions {
		if keptConditions[condition.Type] {
			kept = append(kept, metav1.Condition{
				Type:               condition.Type,
				Status:             condition.Status,
				Reason:             condition.Reason,
				LastTransitionTime: condition.LastTransitionTime,
			})
		}
	}
	cluster.Status.Conditions = kept
	internCluster(cluster)
	return cluster, nil
}

// trimWorkers drops how the machines of worker pools are checked, replaced and deleted. What an expression can read of the pools is
// their classes, sizes, failure domains, labels and variables. The lists may be shared with other Clusters already.
func trimWorkers(workers *clusterv1.WorkersTopology) {
	workers.MachineDeployments, workers.MachinePools = slices.Clone(workers.MachineDeployments), slices.Clone(workers.MachinePools)
	for i := range workers.MachineDeployments {
		of := &workers.MachineDeployments[i]
		of.HealthCheck = clusterv1.MachineDeploymentTopologyHealthCheck{}
		of.Deletion = clusterv1.MachineDeploymentTopologyMachineDeletionSpec{}
		of.Rollout = clusterv1.MachineDeploymentTopologyRolloutSpec{}
		of.ReadinessGates = nil
	}
	for i := range workers.MachinePools {
		workers.MachinePools[i].Deletion = clusterv1.MachinePoolTopologyMachineDeletionSpec{}
	}
}

// transformProfile drops the managed fields of other managers, except of those that may have set the display name: the core needs
// the owner of that field, and of all other fields only which ones the publisher owns. The names of the other managers that wrote
// the profile and its status last stay, for the user who has to find out with which one the publisher competes.
func transformProfile(object any) (any, error) {
	p, ok := object.(*inventoryv1alpha1.ClusterProfile)
	if !ok {
		return object, nil
	}
	kept := make([]metav1.ManagedFieldsEntry, 0, len(p.ManagedFields))
	last := map[string]metav1.ManagedFieldsEntry{}
	for _, entry := range p.ManagedFields {
		if entry.Manager == profile.FieldManager || mayOwnDisplayName(entry) {
			kept = append(kept, entry)
			continue
		}
		if entry.Time.Before(ownTime(p, entry.Subresource)) {
			// Overwritten since, or never in conflict. Profiles share these entries without their times (intern.go).
			continue
		}
		if before, found := last[entry.Subresource]; !found || before.Time.Before(entry.Time) {
			last[entry.Subresource] = metav1.ManagedFieldsEntry{
				Manager:     entry.Manager,
				Operation:   entry.Operation,
				Subresource: entry.Subresource,
				Time:        entry.Time,
			}
		}
	}
	for _, subresource := range slices.Sorted(maps.Keys(last)) {
		kept = append(kept, last[subresource])
	}
	p.ManagedFields = kept
	internProfile(p)
	return p, nil
}

func mayOwnDisplayName(entry metav1.ManagedFieldsEntry) bool {
	return entry.FieldsV1 != nil && strings.Contains(entry.FieldsV1.GetRawString(), `"f:displayName"`)
}

// ownTime returns when this publisher has last applied a profile, or a subresource of it; nil for never.
func ownTime(p *inventoryv1alpha1.ClusterProfile, subresource string) *metav1.Time {
	for _, entry := range p.ManagedFields {
		own := entry.Manager == profile.FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply
		if own && entry.Subresource == subresource {
			return entry.Time
		}
	}
	return nil
}

// transformSpokeCheck drops everything but whose check it is, and what it says of the control plane.
func transformSpokeCheck(object any) (any, error) {
	check, ok := object.(*v1alpha1.SpokeCheck)
	if !ok {
		return object, nil
	}
	status := v1alpha1.SpokeCheckStatus{
		Server:            check.Status.Server,
		KubernetesVersion: check.Status.KubernetesVersion,
		LastProbeTime:     check.Status.LastProbeTime,
		HeartbeatSeconds:  check.Status.HeartbeatSeconds,
	}
	if reachable := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionReachable); reachable != nil {
		status.Conditions = []metav1.Condition{{
			Type:               reachable.Type,
			Status:             reachable.Status,
			Reason:             reachable.Reason,
			LastTransitionTime: reachable.LastTransitionTime,
		}}
	}
	internConditions(status.Conditions)
	intern(&check.Kind, &check.APIVersion, &check.Namespace, &status.KubernetesVersion)
	check.Labels, check.Annotations, check.ManagedFields = nil, nil, nil
	check.Status = status
	return check, nil
}

// transformOthers drops what nothing reads of other objects. Those that Clusters refer to are unstructured, and expressions read them: a
// kubeadm configuration is most of a control plane's size, and the files and users that it writes to machines may contain secrets. Of
// namespaces only the metadata is watched, and labels and deletion are read.
func transformOthers(object any) (any, error) {
	switch object := object.(type) {
	case *unstructured.Unstructured:
		trimMetadata(object)
		unstructured.RemoveNestedField(object.Object, "spec", "kubeadmConfigSpec")
		unstructured.RemoveNestedField(object.Object, "status", "conditions")
		unstructured.RemoveNestedField(object.Object, "status", "deprecated")
	case *metav1.PartialObjectMetadata:
		object.ManagedFields, object.Annotations = nil, nil
	}
	return object, nil
}

// transformVersions keeps of a control plane which versions of Kubernetes it runs, and its name: of a kubeadm control plane one part in ten.
func transformVersions(object any) (any, error) {
	of, ok := object.(*unstructured.Unstructured)
	if !ok {
		return object, nil
	}
	kept := &unstructured.Unstructured{}
	kept.SetGroupVersionKind(of.GroupVersionKind())
	kept.SetNamespace(of.GetNamespace())
	kept.SetName(of.GetName())
	kept.SetUID(of.GetUID())
	kept.SetResourceVersion(of.GetResourceVersion())
	for _, field := range []string{"version", "versions"} {
		if value, found, _ := unstructured.NestedFieldNoCopy(of.Object, "status", field); found {
			if err := unstructured.SetNestedField(kept.Object, value, "status", field); err != nil {
				return nil, err
			}
		}
	}
	return kept, nil
}

func trimMetadata(object client.Object) {
	object.SetManagedFields(nil)
	annotations := object.GetAnnotations()
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	object.SetAnnotations(annotations)
}
