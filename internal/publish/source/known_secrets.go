// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// knownSecrets holds what is known of Secrets beside the cache, by the Cluster that it was found out for: all of a Cluster is forgotten
// without a look at any other one. The name of a Secret does not say whose it is: names of Clusters may begin alike.
type knownSecrets struct {
	mu sync.Mutex
	// clusters are mostly empty, and a Cluster has few Secrets: a list takes a fraction of the memory of a map.
	clusters map[types.NamespacedName][]knownSecret
}

// knownSecret is what is known of one Secret of a Cluster.
type knownSecret struct {
	name string
	// live is what was read from the API server; nil if the cache has the Secret.
	live *liveEntry
	// confirmed is set if the Secret is older than its Cluster, and is in the cache as it is on the API server.
	confirmed confirmation
}

func newKnownSecrets() *knownSecrets {
	return &knownSecrets{clusters: map[types.NamespacedName][]knownSecret{}}
}

// get returns what is known of a Secret.
func (k *knownSecrets) get(cluster types.NamespacedName, name string) knownSecret {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, _ := k.find(cluster, name)
	return known
}

// setLive replaces what was read from the API server, by nil if that is out of date.
func (k *knownSecrets) setLive(cluster types.NamespacedName, name string, live *liveEntry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, i := k.find(cluster, name)
	known.live = live
	k.set(cluster, known, i)
}

func (k *knownSecrets) setConfirmed(cluster types.NamespacedName, name string, confirmed confirmation) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, i := k.find(cluster, name)
	known.confirmed = confirmed
	k.set(cluster, known, i)
}

// find returns what is known of a Secret, and its place in the list of its Cluster; -1 if there is none.
func (k *knownSecrets) find(cluster types.NamespacedName, name string) (knownSecret, int) {
	for i, known := range k.clusters[cluster] {
		if known.name == name {
			return known, i
		}
	}
	return knownSecret{name: name}, -1
}

// set replaces what is known of the Secret at a place that find has returned, and leaves nothing behind if that is nothing.
func (k *knownSecrets) set(cluster types.NamespacedName, known knownSecret, i int) {
	all, empty := k.clusters[cluster], known == knownSecret{name: known.name}
	switch {
	case empty && i < 0:
		return
	case empty:
		all = slices.Delete(all, i, i+1)
	case i < 0:
		all = append(all, known)
	default:
		all[i] = known
	}
	if len(all) == 0 {
		delete(k.clusters, cluster)
		return
	}
	k.clusters[cluster] = all
}

// forget drops what is known of a Cluster's Secrets.
func (k *knownSecrets) forget(cluster types.NamespacedName) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.clusters, cluster)
}
