// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Thousands of objects in the cache say the same: label keys, reasons, messages, the names of fields. A decoder makes each
// of them anew for every object, and lists with room to grow; here all objects share one copy, and lists have the length
// that they have. An object must be shared before it is cached, because afterwards others read it.

// share makes equal strings one.
func share(texts ...*string) {
	for _, text := range texts {
		if *text != "" {
			*text = unique.Make(*text).Value()
		}
	}
}

// shareKeys makes equal keys one.
func shareKeys(source map[string]string) map[string]string {
	shared := maps.Clone(source)
	clear(shared)
	for key, value := range source {
		share(&key)
		shared[key] = value
	}
	return shared
}

// shareLabels makes equal keys and values one: many Clusters have the same.
func shareLabels(source map[string]string) map[string]string {
	shared := shareKeys(source)
	for key, value := range shared {
		share(&value)
		shared[key] = value
	}
	return shared
}

func shareCluster(cluster *clusterv1.Cluster) {
	cluster.Labels, cluster.Annotations = shareLabels(cluster.Labels), shareKeys(cluster.Annotations)
	share(&cluster.Kind, &cluster.APIVersion, &cluster.Namespace)
	for _, ref := range []*clusterv1.ContractVersionedObjectReference{&cluster.Spec.ControlPlaneRef, &cluster.Spec.InfrastructureRef} {
		share(&ref.APIGroup, &ref.Kind)
	}
	topology := &cluster.Spec.Topology
	share(&topology.ClassRef.Name, &topology.ClassRef.Namespace, &topology.Version, &cluster.Status.Phase)
	topology.Variables = shareVariables(topology.Variables)
	topology.Workers = shareEqual(&workers, topology.Workers)
	for _, name := range []*string{&cluster.Spec.ControlPlaneRef.Name, &cluster.Spec.InfrastructureRef.Name} {
		if *name == cluster.Name {
			*name = cluster.Name
		}
	}
	shareConditions(cluster.Status.Conditions)
	if status := cluster.Status.ControlPlane; status != nil {
		status.Versions = slices.Clone(status.Versions)
		for i := range status.Versions {
			share(&status.Versions[i].Version)
		}
	}
	if status := cluster.Status.Workers; status != nil {
		status.Versions = slices.Clone(status.Versions)
		for i := range status.Versions {
			share(&status.Versions[i].Version)
		}
	}
	cluster.Status.FailureDomains = shareEqual(&failureDomains, cluster.Status.FailureDomains)
}

func shareVariables(source []clusterv1.ClusterVariable) []clusterv1.ClusterVariable {
	variables := slices.Clone(source)
	for i := range variables {
		share(&variables[i].Name)
		variables[i].Value.Raw = shareBytes(variables[i].Value.Raw)
	}
	return variables
}

func shareProfile(p *inventoryv1alpha1.ClusterProfile) {
	p.Labels, p.Annotations = shareKeys(p.Labels), shareKeys(p.Annotations)
	if uid := p.Labels[v1alpha1.LabelClusterUID]; uid != "" && uid == p.Labels[v1alpha1.LabelInventoryMemberID] {
		p.Labels[v1alpha1.LabelInventoryMemberID] = uid
	}
	share(&p.Kind, &p.APIVersion, &p.Namespace, &p.Spec.ClusterManager.Name, &p.Status.Version.Kubernetes)
	p.ManagedFields = shareFields(p.ManagedFields)
	p.Status.Conditions = slices.Clone(p.Status.Conditions)
	shareConditions(p.Status.Conditions)
	p.Status.Properties = slices.Clone(p.Status.Properties)
	for i := range p.Status.Properties {
		share(&p.Status.Properties[i].Name, &p.Status.Properties[i].Value)
	}
	p.Status.AccessProviders = slices.Clone(p.Status.AccessProviders)
	for i := range p.Status.AccessProviders {
		provider := &p.Status.AccessProviders[i]
		share(&provider.Name)
		provider.Cluster.CertificateAuthorityData = shareBytes(provider.Cluster.CertificateAuthorityData)
		provider.Cluster.Extensions = slices.Clone(provider.Cluster.Extensions)
		for j := range provider.Cluster.Extensions {
			share(&provider.Cluster.Extensions[j].Name)
		}
	}
}

func shareConditions(conditions []metav1.Condition) {
	for i := range conditions {
		share(&conditions[i].Type, (*string)(&conditions[i].Status), &conditions[i].Reason, &conditions[i].Message)
	}
}

var (
	// fieldSets are what managers own of the profiles in the cache. We own the same fields of every profile, but for what the
	// Inventories say, so there are few.
	fieldSets = pool[string, []metav1.ManagedFieldsEntry]{most: 1 << 10}
	// workers and failureDomains are those of Clusters. Clusters of one class and place have the same, and a pool of workers has
	// half a kilobyte.
	workers        = pool[[sha256.Size]byte, clusterv1.WorkersTopology]{most: 1 << 12}
	failureDomains = pool[[sha256.Size]byte, []clusterv1.FailureDomain]{most: 1 << 10}
	// blobs are the certificate authorities, each of which is in a Secret and in a profile, and the values of topology
	// variables, of which many Clusters have the same.
	blobs = pool[[sha256.Size]byte, []byte]{most: 1 << 15}
)

// pool holds the first of all equal values. When it is full it begins anew, so that what nobody else holds any more, say a
// rotated authority, does not stay for ever.
type pool[K comparable, V any] struct {
	most int

	mu    sync.Mutex
	known map[K]V
}

// share returns the first value that came with the key.
func (p *pool[K, V]) share(key K, value V) V {
	p.mu.Lock()
	defer p.mu.Unlock()
	if first, known := p.known[key]; known {
		return first
	}
	if p.known == nil || len(p.known) >= p.most {
		p.known = map[K]V{}
	}
	p.known[key] = value
	return value
}

func shareFields(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	var key strings.Builder
	for _, entry := range entries {
		fmt.Fprintf(&key, "%s %s %s %s %s\n", entry.Manager, entry.Operation, entry.APIVersion, entry.Subresource, entry.FieldsV1.GetRawString())
	}
	return fieldSets.share(key.String(), slices.Clone(entries))
}

// shareEqual makes values one that have the same JSON.
func shareEqual[V any](known *pool[[sha256.Size]byte, V], value V) V {
	raw, err := json.Marshal(value)
	if err != nil {
		return value
	}
	return known.share(sha256.Sum256(raw), value)
}

func shareBytes(blob []byte) []byte {
	if len(blob) == 0 {
		return nil
	}
	return blobs.share(sha256.Sum256(blob), slices.Clone(blob))
}
