// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// kubeconfigSuffix ends the names of the Secrets whose endpoints are cached.
const kubeconfigSuffix = "-kubeconfig"

// CacheOptions narrows a manager's cache to what the publisher needs. namespaces restricts Clusters, their Secrets and what they
// refer to; none means all. resync is how often everything is looked at again without an event.
func CacheOptions(namespaces []string, resync time.Duration) cache.Options {
	watched := map[string]cache.Config{}
	for _, namespace := range namespaces {
		watched[namespace] = cache.Config{}
	}
	var everywhere map[string]cache.Config
	if len(watched) > 0 {
		// A profile may be wherever an earlier setting or Inventory has put it.
		everywhere = map[string]cache.Config{cache.AllNamespaces: {}}
	}
	// The label that Cluster API's contract asks for on kubeconfig Secrets; other Secrets never reach this process.
	ofClusters, err := labels.NewRequirement(clusterv1.ClusterNameLabel, selection.Exists, nil)
	if err != nil {
		panic(fmt.Sprintf("publisher: a label selector that cannot be built: %v", err))
	}
	// These are read for every Cluster and never changed: what is published is applied, not updated.
	asItIs := ptr.To(true)
	return cache.Options{
		SyncPeriod:        &resync,
		DefaultNamespaces: watched,
		DefaultTransform:  trimUnstructured,
		ByObject: map[client.Object]cache.ByObject{
			&clusterv1.Cluster{}:                {Transform: trimCluster, UnsafeDisableDeepCopy: asItIs},
			&corev1.Secret{}:                    {Label: labels.NewSelector().Add(*ofClusters), Transform: keepEndpoints, UnsafeDisableDeepCopy: asItIs},
			&inventoryv1alpha1.ClusterProfile{}: {Namespaces: everywhere, Transform: trimProfile, UnsafeDisableDeepCopy: asItIs},
		},
	}
}

// keptConditions are the Cluster's conditions that a profile or an expression has a use for.
var keptConditions = map[string]bool{
	clusterv1.ClusterAvailableCondition:             true,
	clusterv1.ClusterControlPlaneAvailableCondition: true,
	clusterv1.ClusterRemoteConnectionProbeCondition: true,
	clusterv1.ClusterTopologyReconciledCondition:    true,
	clusterv1.ClusterRollingOutCondition:            true,
}

// trimCluster drops what no profile is made of and no expression needs: most of the size of a real Cluster. docs/inventory.md
// says what that is, because expressions do not see it.
func trimCluster(object any) (any, error) {
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
			kept = append(kept, metav1.Condition{Type: condition.Type, Status: condition.Status, Reason: condition.Reason, LastTransitionTime: condition.LastTransitionTime})
		}
	}
	cluster.Status.Conditions = kept
	shareCluster(cluster)
	return cluster, nil
}

// trimWorkers drops how machines are checked, replaced and deleted, of pools of workers: what an expression can tell of them
// is their classes, sizes, places, labels and variables. The lists may be shared with other Clusters already.
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

// trimProfile drops the fields of other managers, but for those who may have set the display name: the core asks whose it
// is, and of all other fields only which are ours. Of the other managers that wrote the profile and its status last the names
// stay, for the person who has to find out with whom the publisher competes.
func trimProfile(object any) (any, error) {
	p, ok := object.(*inventoryv1alpha1.ClusterProfile)
	if !ok {
		return object, nil
	}
	kept := make([]metav1.ManagedFieldsEntry, 0, len(p.ManagedFields))
	last := map[string]metav1.ManagedFieldsEntry{}
	for _, entry := range p.ManagedFields {
		if entry.Manager == profile.FieldManager || entry.FieldsV1 != nil && strings.Contains(entry.FieldsV1.GetRawString(), `"f:displayName"`) {
			kept = append(kept, entry)
			continue
		}
		if entry.Time.Before(ownTime(p, entry.Subresource)) {
			// Overwritten since, or never in our way. Profiles share these entries without their times (share.go).
			continue
		}
		if before, found := last[entry.Subresource]; !found || before.Time.Before(entry.Time) {
			last[entry.Subresource] = metav1.ManagedFieldsEntry{Manager: entry.Manager, Operation: entry.Operation, Subresource: entry.Subresource, Time: entry.Time}
		}
	}
	for _, subresource := range slices.Sorted(maps.Keys(last)) {
		kept = append(kept, last[subresource])
	}
	p.ManagedFields = kept
	shareProfile(p)
	return p, nil
}

// ownTime is when this publisher has last applied a profile, or a subresource of it; nil for never.
func ownTime(p *inventoryv1alpha1.ClusterProfile, subresource string) *metav1.Time {
	for _, entry := range p.ManagedFields {
		if entry.Manager == profile.FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == subresource {
			return entry.Time
		}
	}
	return nil
}

// trimUnstructured drops what no expression reads of the objects that Clusters refer to. A kubeadm configuration is most of
// a control plane's size, and the files and users that it writes to machines may hold secrets.
func trimUnstructured(object any) (any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok {
		trimMetadata(u)
		unstructured.RemoveNestedField(u.Object, "spec", "kubeadmConfigSpec")
		unstructured.RemoveNestedField(u.Object, "status", "conditions")
		unstructured.RemoveNestedField(u.Object, "status", "deprecated")
	}
	return object, nil
}

func trimMetadata(object client.Object) {
	object.SetManagedFields(nil)
	annotations := object.GetAnnotations()
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	object.SetAnnotations(annotations)
}

// endpointsOnly is the type of a Secret in the cache: an informer may transform an object twice, and must not take our own
// work for a kubeconfig.
const endpointsOnly corev1.SecretType = "capi-inventory.dev/endpoints"

// keepEndpoints replaces a Secret's data, before it is cached, with the endpoints that its kubeconfigs name or the reasons
// why they name none. Of a Secret that is not a kubeconfig's by its name nothing is kept but that it exists.
func keepEndpoints(object any) (any, error) {
	secret, ok := object.(*corev1.Secret)
	if !ok || secret.Type == endpointsOnly {
		return object, nil
	}
	kept := &corev1.Secret{Type: endpointsOnly, ObjectMeta: metav1.ObjectMeta{
		Namespace:       secret.Namespace,
		Name:            secret.Name,
		UID:             secret.UID,
		ResourceVersion: secret.ResourceVersion,
	}}
	if cluster := secret.Labels[clusterv1.ClusterNameLabel]; cluster+kubeconfigSuffix != secret.Name {
		// Else the name says it (clusterOfSecret).
		kept.Labels = map[string]string{clusterv1.ClusterNameLabel: cluster}
	}
	if !strings.HasSuffix(secret.Name, kubeconfigSuffix) {
		return kept, nil
	}
	kept.Data = make(map[string][]byte, 2*len(secret.Data))
	for key, value := range secret.Data {
		found := read(value)
		if authority := found.Endpoint.CertificateAuthorityData; authority != nil {
			kept.Data[key+authoritySuffix] = shareBytes(authority)
			found.Endpoint.CertificateAuthorityData = nil
		}
		raw, err := json.Marshal(found)
		if err != nil {
			return nil, fmt.Errorf("encoding the endpoint of Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		}
		kept.Data[key] = raw
	}
	return kept, nil
}

// authoritySuffix marks the certificate authority of a key's endpoint, which is kept as it is: in JSON it is larger, and
// slower to read. No key of a real Secret has a slash.
const authoritySuffix = "/certificate-authority"

// read gives the public half of a kubeconfig.
func read(raw []byte) profile.Kubeconfig {
	parsed, err := endpoint.Parse(raw)
	var refusal *endpoint.RejectedError
	errors.As(err, &refusal)
	return profile.Kubeconfig{Endpoint: parsed, Refusal: refusal}
}
