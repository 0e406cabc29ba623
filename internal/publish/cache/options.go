// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package cache narrows the cache of the publisher's manager to what the publisher needs: most of a real Cluster, of its
// kubeconfig and of its profile is not. Private keys and tokens are dropped before an object is cached, and equal values are held
// once for all objects. That is what lets one publisher serve ten thousand Clusters in little memory; nothing else depends on it.
package cache

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Options returns those of a manager's cache. namespaces restricts Clusters, their Secrets and the objects that they refer to; none
// means all. resync is how often everything is reconciled again without an event.
func Options(namespaces []string, resync time.Duration) ctrlcache.Options {
	watched := watchedNamespaces(namespaces)
	var everywhere map[string]ctrlcache.Config
	if len(watched) > 0 {
		// A profile may be in any namespace, by an earlier setting or Inventory.
		everywhere = map[string]ctrlcache.Config{ctrlcache.AllNamespaces: {}}
	}
	// The label that Cluster API's contract requires on kubeconfig Secrets; other Secrets never reach this process.
	ofClusters, err := labels.NewRequirement(clusterv1.ClusterNameLabel, selection.Exists, nil)
	if err != nil {
		panic(fmt.Sprintf("cache: a label selector that cannot be built: %v", err))
	}
	// These are read for every Cluster and never changed: what is published is applied, not updated.
	noDeepCopy := ptr.To(true)
	return ctrlcache.Options{
		SyncPeriod:        &resync,
		DefaultNamespaces: watched,
		DefaultTransform:  transformOthers,
		ByObject: map[client.Object]ctrlcache.ByObject{
			&clusterv1.Cluster{}: {Transform: transformCluster, UnsafeDisableDeepCopy: noDeepCopy},
			&corev1.Secret{}: {
				Label:                 labels.NewSelector().Add(*ofClusters),
				Transform:             transformSecret,
				UnsafeDisableDeepCopy: noDeepCopy,
			},
			&v1alpha1.AccessGrant{}: {Namespaces: everywhere, UnsafeDisableDeepCopy: noDeepCopy},
			&v1alpha1.SpokeCheck{}: {
				Namespaces:            everywhere,
				Transform:             transformSpokeCheck,
				UnsafeDisableDeepCopy: noDeepCopy,
			},
			&inventoryv1alpha1.ClusterProfile{}: {
				Namespaces:            everywhere,
				Transform:             transformProfile,
				UnsafeDisableDeepCopy: noDeepCopy,
			},
		},
	}
}

// VersionOptions returns those of a cache of control planes of which nothing but the version of Kubernetes is read, which is most of them on
// a hub before Cluster API 1.14.
func VersionOptions(namespaces []string) ctrlcache.Options {
	return ctrlcache.Options{DefaultNamespaces: watchedNamespaces(namespaces), DefaultTransform: transformVersions}
}

func watchedNamespaces(namespaces []string) map[string]ctrlcache.Config {
	watched := map[string]ctrlcache.Config{}
	for _, namespace := range namespaces {
		watched[namespace] = ctrlcache.Config{}
	}
	return watched
}
