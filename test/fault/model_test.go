// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// model is what should be published, by the rules of docs/reconcile.md alone.
type model struct {
	clusters    map[types.NamespacedName]*modelCluster
	inventories map[string]*modelInventory
	// profiles are those that were published when the hub was last compared.
	profiles map[types.NamespacedName]*modelProfile
	foreign  map[types.NamespacedName]bool
	// missing are the namespaces that do not exist.
	missing map[string]bool
}

type modelCluster struct {
	clusterState
	uid types.UID
	// server is that of the kubeconfig; empty for none, or a broken one.
	server string
}

type modelInventory struct {
	inventoryState
	created metav1.Time
}

type modelProfile struct {
	cluster   types.NamespacedName
	uid       types.UID
	inventory string
	// servers are those that may be published, one of them; an empty one is no access.
	servers []string
	// frozen says that nothing updates it: its Inventory is invalid, or does not publish it any more and nothing has replaced it.
	frozen bool
	// mark is what another writer has added to the profile of the UID.
	mark    string
	markUID types.UID
	// tampered says that another writer has changed the access since the hub was last compared, and forged that it has changed something
	// else of the publisher's.
	tampered, forged bool
}

// next is what should be published now.
func (m *model) next() map[types.NamespacedName]*modelProfile {
	next := map[types.NamespacedName]*modelProfile{}
	for key, cluster := range m.clusters {
		if cluster.optOut {
			continue
		}
		selecting, granted := m.decide(key, cluster)
		for profile, inventory := range granted {
			if published := m.publish(key, cluster, profile, inventory); published != nil {
				next[profile] = published
			}
		}
		for profile, last := range m.profiles {
			if last.cluster != key || last.uid != cluster.uid || granted[profile] != "" {
				continue
			}
			invalid := m.inventories[last.inventory] != nil && m.inventories[last.inventory].invalid
			if invalid || slices.Contains(selecting, last.inventory) && !replaced(last, profile, granted, next) {
				next[profile] = last.freeze()
			}
		}
	}
	return next
}

// decide returns the Inventories that select a Cluster, and the profiles that it should have, each with its Inventory: of several
// for one namespace the oldest has it, unless an invalid one has it already. What there is of a Cluster of the same name that is gone holds
// nothing.
func (m *model) decide(key types.NamespacedName, cluster *modelCluster) (selecting []string, granted map[types.NamespacedName]string) {
	taken := map[string]bool{}
	for profile, last := range m.profiles {
		if last.cluster == key && last.uid == cluster.uid && m.inventories[last.inventory] != nil && m.inventories[last.inventory].invalid {
			taken[profile.Namespace] = true
		}
	}
	granted = map[types.NamespacedName]string{}
	for _, name := range m.byAge() {
		inventory := m.inventories[name]
		if inventory.invalid || inventory.production && cluster.env != "production" {
			continue
		}
		selecting = append(selecting, name)
		profile := profileOf(key, inventory.into)
		if !taken[profile.Namespace] {
			granted[profile] = name
		}
		taken[profile.Namespace] = true
	}
	return selecting, granted
}

func (m *model) byAge() []string {
	var names []string
	for name := range m.inventories {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if c := m.inventories[a].created.Compare(m.inventories[b].created.Time); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return names
}

func profileOf(cluster types.NamespacedName, into string) types.NamespacedName {
	if into == "" {
		return cluster
	}
	return types.NamespacedName{Namespace: into, Name: cluster.Namespace + "--" + cluster.Name}
}

// publish is the profile that an Inventory publishes of a Cluster; nil if it cannot.
func (m *model) publish(key types.NamespacedName, cluster *modelCluster, profile types.NamespacedName, inventory string) *modelProfile {
	if m.missing[profile.Namespace] || m.foreign[profile] {
		return nil
	}
	published := &modelProfile{cluster: key, uid: cluster.uid, inventory: inventory, servers: []string{cluster.server}}
	last := m.profiles[profile]
	if last == nil || last.cluster != key || last.uid != cluster.uid {
		return published
	}
	published.mark, published.markUID = last.mark, last.markUID
	if cluster.server == "" {
		// The last good access stays, unless another writer has changed it.
		published.servers = last.servers
		if last.tampered {
			published.servers = []string{""}
		}
	}
	return published
}

// replaced reports whether a profile that is not wanted any more has a successor: one of its Inventory, or one in its namespace, with
// access if it had any.
func replaced(
	last *modelProfile, profile types.NamespacedName, granted map[types.NamespacedName]string, next map[types.NamespacedName]*modelProfile,
) bool {
	for key, inventory := range granted {
		successor := next[key]
		if successor == nil || inventory != last.inventory && key.Namespace != profile.Namespace {
			continue
		}
		if successor.servers[0] != "" || last.servers[0] == "" {
			return true
		}
	}
	return false
}

func (p *modelProfile) freeze() *modelProfile {
	frozen := *p
	frozen.frozen = true
	return &frozen
}

// unsettled reports whether another writer has changed something that is not restored yet.
func (m *model) unsettled() bool {
	for _, profile := range m.profiles {
		if profile.tampered || profile.forged {
			return true
		}
	}
	return false
}
