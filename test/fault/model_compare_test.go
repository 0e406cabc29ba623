// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// compare returns where the hub differs from the model, a sentence each.
func (m *model) compare(t tester, s *stage) []string {
	t.Helper()
	want, got := m.next(), s.profiles(t)
	var faults []string
	for key, wanted := range want {
		if got[key] == nil {
			faults = append(faults, fmt.Sprintf("%s: missing", key))
			continue
		}
		for _, fault := range m.compareProfile(s.name, wanted, got[key]) {
			faults = append(faults, fmt.Sprintf("%s: %s", key, fault))
		}
	}
	for key := range got {
		if want[key] == nil && !m.foreign[key] {
			faults = append(faults, fmt.Sprintf("%s: should not be published", key))
		}
	}
	for key, made := range s.foreign {
		if got[key] == nil || got[key].ResourceVersion != made.ResourceVersion {
			faults = append(faults, fmt.Sprintf("%s: is another manager's, and was touched", key))
		}
	}
	return append(faults, m.compareInventories(t, s)...)
}

func (m *model) compareProfile(manager string, want *modelProfile, got *inventoryv1alpha1.ClusterProfile) []string {
	var faults []string
	equal := func(what string, want, got any) {
		if want != got {
			faults = append(faults, fmt.Sprintf("%s is %v and should be %v", what, got, want))
		}
	}
	equal("the manager", manager, got.Spec.ClusterManager.Name)
	equal("the Inventory", manager+"-"+want.inventory, got.Labels[v1alpha1.LabelInventory])
	equal("the namespace of the Cluster", want.cluster.Namespace, got.Labels[v1alpha1.LabelClusterNamespace])
	equal("the name of the Cluster", want.cluster.Name, got.Labels[v1alpha1.LabelClusterName])
	equal("the UID of the Cluster", string(want.uid), got.Labels[v1alpha1.LabelClusterUID])
	equal("the id of the member", string(want.uid), got.Labels[v1alpha1.LabelInventoryMemberID])
	if !slices.Contains(want.servers, serverIn(got)) {
		faults = append(faults, fmt.Sprintf("the server is %q and should be one of %q", serverIn(got), want.servers))
	}
	if want.mark != "" && want.markUID == got.UID {
		equal("the label of another writer", want.mark, got.Labels[markLabel])
		equal("the property of another writer", want.mark, propertyIn(got, markLabel))
	}
	if want.frozen {
		return faults
	}
	cluster, inventory := m.clusters[want.cluster], m.inventories[want.inventory]
	equal("the label env", cluster.env, got.Labels["env"])
	equal("the version", cluster.version, got.Status.Version.Kubernetes)
	equal("the set", inventory.set, propertyIn(got, v1alpha1.PropertyClusterSet))
	equal("the health", cluster.health(), conditionIn(got, inventoryv1alpha1.ClusterConditionControlPlaneHealthy))
	equal("the proxy", "", proxyIn(got))
	return faults
}

// compareInventories compares which Inventories there are, and what they report.
func (m *model) compareInventories(t tester, s *stage) []string {
	t.Helper()
	var faults []string
	got := s.inventories(t)
	for _, name := range slices.Sorted(maps.Keys(m.inventories)) {
		if got[name] == nil {
			faults = append(faults, fmt.Sprintf("Inventory %s: missing", name))
			continue
		}
		state, status := m.inventories[name], got[name].Status
		if state.invalid {
			continue
		}
		selected := 0
		for _, cluster := range m.clusters {
			if !cluster.optOut && (!state.production || cluster.env == "production") {
				selected++
			}
		}
		if int(status.Clusters) != selected || status.ObservedGeneration != got[name].Generation {
			faults = append(faults, fmt.Sprintf("Inventory %s: reports %d Clusters of generation %d, and selects %d in %d",
				name, status.Clusters, status.ObservedGeneration, selected, got[name].Generation))
		}
	}
	for name := range got {
		if m.inventories[name] == nil {
			faults = append(faults, fmt.Sprintf("Inventory %s: should be gone", name))
		}
	}
	return faults
}

// settled makes what is published what was published last.
func (m *model) settled(t tester, s *stage) {
	t.Helper()
	got := s.profiles(t)
	m.profiles = m.next()
	for key, profile := range m.profiles {
		profile.servers, profile.tampered, profile.forged = []string{serverIn(got[key])}, false, false
	}
}

func (c *modelCluster) health() metav1.ConditionStatus {
	switch {
	case c.paused:
		return metav1.ConditionUnknown
	case c.healthy:
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

func serverIn(profile *inventoryv1alpha1.ClusterProfile) string {
	if profile == nil || len(profile.Status.AccessProviders) == 0 {
		return ""
	}
	return profile.Status.AccessProviders[0].Cluster.Server
}

func proxyIn(profile *inventoryv1alpha1.ClusterProfile) string {
	if len(profile.Status.AccessProviders) == 0 {
		return ""
	}
	return profile.Status.AccessProviders[0].Cluster.ProxyURL
}

func propertyIn(profile *inventoryv1alpha1.ClusterProfile, name string) string {
	for _, property := range profile.Status.Properties {
		if property.Name == name {
			return property.Value
		}
	}
	return ""
}

func conditionIn(profile *inventoryv1alpha1.ClusterProfile, name string) metav1.ConditionStatus {
	if condition := meta.FindStatusCondition(profile.Status.Conditions, name); condition != nil {
		return condition.Status
	}
	return ""
}

// written returns the profiles that another writer may change: those that the publisher writes, and would write as the hub is now, for the
// same Cluster. Of another one whose labels are changed, it only reports that; and where a Cluster was created again, it could not know from
// them whose the profile was.
func (m *model) written() []types.NamespacedName {
	var keys []types.NamespacedName
	next := m.next()
	for key, profile := range m.profiles {
		if following := next[key]; !profile.frozen && following != nil && !following.frozen && following.uid == profile.uid {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b types.NamespacedName) int {
		return slices.Compare([]string{a.Namespace, a.Name}, []string{b.Namespace, b.Name})
	})
	return keys
}
