// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// scope is which Clusters this publisher reconciles. What is published of all others is left as it is, neither updated nor
// withdrawn: the publisher cannot know what is wanted of a Cluster that it does not see, and another publisher may see it.
type scope struct {
	// namespaces are those whose objects are in the cache; none means all.
	namespaces []string
	// watchFilter is the value of the label cluster.x-k8s.io/watch-filter; empty means any.
	watchFilter string
}

// watches reports whether Clusters of a namespace are in the cache.
func (s scope) watches(namespace string) bool {
	return len(s.namespaces) == 0 || slices.Contains(s.namespaces, namespace)
}

// includes reports whether this publisher reconciles a Cluster that is in the cache.
func (s scope) includes(cluster *clusterv1.Cluster) bool {
	return s.watchFilter == "" || cluster.Labels[clusterv1.WatchLabel] == s.watchFilter
}

// notWatched reports a profile whose Cluster is not in the scope.
func notWatched(profileKey, cluster types.NamespacedName) profile.Problem {
	return profile.NewProblem(v1alpha1.ProblemNotWatched,
		"ClusterProfile %s is neither updated nor withdrawn, because this publisher does not watch the Cluster %s: "+
			"change --namespace or --watch-filter, or delete the profile", profileKey, cluster)
}
