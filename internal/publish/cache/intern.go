// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Thousands of objects in the cache have equal values: label keys, reasons, messages, the names of fields. A decoder allocates each
// of them for every object, and lists with spare capacity; here all objects share one copy, and lists have no spare capacity. An
// object must be interned before it is cached, because afterwards other goroutines read it.

// maxShared is the length of the longest string that is shared, in bytes. What is longer names an object or quotes an error, as a rule,
// and no other object has it.
const maxShared = 128

// intern replaces strings by the first equal ones, which stay known when no object has them for a while: package unique forgets a value
// whose handle nobody holds at the next collection, so objects that come at different times would share nothing. A decoder allocates each
// string by itself, so that none keeps a larger one.
func intern(shared ...*string) {
	for _, text := range shared {
		if *text != "" && len(*text) <= maxShared {
			*text = texts.intern(*text, *text)
		}
	}
}

// internKeys returns a copy with interned keys.
func internKeys(source map[string]string) map[string]string {
	shared := maps.Clone(source)
	clear(shared)
	for key, value := range source {
		intern(&key)
		shared[key] = value
	}
	return shared
}

// internLabels returns a copy with interned keys and values.
func internLabels(source map[string]string) map[string]string {
	shared := internKeys(source)
	for key, value := range shared {
		intern(&value)
		shared[key] = value
	}
	return shared
}

func internCluster(cluster *clusterv1.Cluster) {
	cluster.Labels, cluster.Annotations = internLabels(cluster.Labels), internKeys(cluster.Annotations)
	intern(&cluster.Kind, &cluster.APIVersion, &cluster.Namespace)
	for _, ref := range []*clusterv1.ContractVersionedObjectReference{&cluster.Spec.ControlPlaneRef, &cluster.Spec.InfrastructureRef} {
		intern(&ref.APIGroup, &ref.Kind)
	}
	topology := &cluster.Spec.Topology
	intern(&topology.ClassRef.Name, &topology.ClassRef.Namespace, &topology.Version, &cluster.Status.Phase)
	topology.Variables = internVariables(topology.Variables)
	topology.Workers = internEqual(&workers, topology.Workers)
	for _, name := range []*string{&cluster.Spec.ControlPlaneRef.Name, &cluster.Spec.InfrastructureRef.Name} {
		if *name == cluster.Name {
			*name = cluster.Name
		}
	}
	internConditions(cluster.Status.Conditions)
	if status := cluster.Status.ControlPlane; status != nil {
		status.Versions = slices.Clone(status.Versions)
		for i := range status.Versions {
			intern(&status.Versions[i].Version)
		}
	}
	if status := cluster.Status.Workers; status != nil {
		status.Versions = slices.Clone(status.Versions)
		for i := range status.Versions {
			intern(&status.Versions[i].Version)
		}
	}
	cluster.Status.FailureDomains = internEqual(&failureDomains, cluster.Status.FailureDomains)
}

func internVariables(source []clusterv1.ClusterVariable) []clusterv1.ClusterVariable {
	variables := slices.Clone(source)
	for i := range variables {
		intern(&variables[i].Name)
		variables[i].Value.Raw = internBytes(variables[i].Value.Raw)
	}
	return variables
}

func internProfile(p *inventoryv1alpha1.ClusterProfile) {
	p.Labels, p.Annotations = internKeys(p.Labels), internKeys(p.Annotations)
	if uid := p.Labels[v1alpha1.LabelClusterUID]; uid != "" && uid == p.Labels[v1alpha1.LabelInventoryMemberID] {
		p.Labels[v1alpha1.LabelInventoryMemberID] = uid
	}
	intern(&p.Kind, &p.APIVersion, &p.Namespace, &p.Spec.ClusterManager.Name, &p.Status.Version.Kubernetes)
	p.ManagedFields = internFields(p.ManagedFields)
	p.Status.Conditions = slices.Clone(p.Status.Conditions)
	internConditions(p.Status.Conditions)
	p.Status.Properties = slices.Clone(p.Status.Properties)
	for i := range p.Status.Properties {
		intern(&p.Status.Properties[i].Name, &p.Status.Properties[i].Value)
	}
	p.Status.AccessProviders = slices.Clone(p.Status.AccessProviders)
	for i := range p.Status.AccessProviders {
		provider := &p.Status.AccessProviders[i]
		intern(&provider.Name)
		provider.Cluster.CertificateAuthorityData = internBytes(provider.Cluster.CertificateAuthorityData)
		provider.Cluster.Extensions = slices.Clone(provider.Cluster.Extensions)
		for j := range provider.Cluster.Extensions {
			intern(&provider.Cluster.Extensions[j].Name)
		}
	}
}

func internConditions(conditions []metav1.Condition) {
	for i := range conditions {
		intern(&conditions[i].Type, (*string)(&conditions[i].Status), &conditions[i].Reason, &conditions[i].Message)
	}
}

var (
	// texts are all strings that are shared. Some values of labels and properties are unique to an object: they only fill the map.
	texts = interner[string, string]{capacity: 1 << 13}
	// fieldSets are the managed fields of the profiles in the cache. The publisher owns the same fields of every profile of an
	// Inventory, so there are few.
	fieldSets = interner[string, []metav1.ManagedFieldsEntry]{capacity: 1 << 10}
	// workers and failureDomains are those of Clusters. Clusters of one class and place have equal ones, and a worker pool takes
	// half a kilobyte.
	workers        = interner[[sha256.Size]byte, clusterv1.WorkersTopology]{capacity: 1 << 12}
	failureDomains = interner[[sha256.Size]byte, []clusterv1.FailureDomain]{capacity: 1 << 10}
	// byteSlices are the certificate authorities, each of which is in a Secret and in a profile, and the values of topology
	// variables, which are equal for many Clusters.
	byteSlices = interner[[sha256.Size]byte, []byte]{capacity: 1 << 15}
)

// interner holds the first of all equal values. When it is full it starts again empty, so that a value that no object has any more,
// such as a rotated authority, does not stay indefinitely.
type interner[K comparable, V any] struct {
	capacity int

	mu    sync.Mutex
	known map[K]V
}

// intern returns the first value that came with the key.
func (i *interner[K, V]) intern(key K, value V) V {
	i.mu.Lock()
	defer i.mu.Unlock()
	if first, known := i.known[key]; known {
		return first
	}
	if i.known == nil || len(i.known) >= i.capacity {
		i.known = map[K]V{}
	}
	i.known[key] = value
	return value
}

func internFields(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	var key strings.Builder
	for _, entry := range entries {
		fmt.Fprintf(
			&key,
			"%s %s %s %s %s\n",
			entry.Manager,
			entry.Operation,
			entry.APIVersion,
			entry.Subresource,
			entry.FieldsV1.GetRawString(),
		)
	}
	return fieldSets.intern(key.String(), slices.Clone(entries))
}

// internEqual returns the first value with the same JSON.
func internEqual[V any](known *interner[[sha256.Size]byte, V], value V) V {
	raw, err := json.Marshal(value)
	if err != nil {
		return value
	}
	return known.intern(sha256.Sum256(raw), value)
}

func internBytes(blob []byte) []byte {
	if len(blob) == 0 {
		return nil
	}
	return byteSlices.intern(sha256.Sum256(blob), slices.Clone(blob))
}
