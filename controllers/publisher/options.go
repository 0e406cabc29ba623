// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/controllers/cluster"
	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
)

// Options are the settings of a publisher.
type Options struct {
	// ClusterManager is spec.clusterManager.name of every profile: a label value, and not to be changed later.
	ClusterManager string
	// PublisherClass is spec.publisherClass of the Inventories that this publisher serves; empty for those without one.
	PublisherClass string
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter that a Cluster must have; empty admits all.
	WatchFilter string
	// Namespaces are those whose Clusters are published, as in CacheOptions; none means all.
	Namespaces []string
	// Concurrency is how many Clusters are reconciled at a time.
	Concurrency int
	// StaleAfter is how long no Lease of Cluster API must have been renewed until the health of every Cluster is unknown; 0 for
	// never.
	StaleAfter time.Duration
	// Clock is the source of the time.
	Clock clock.WithTicker
	// Metrics is where the publisher's metrics are registered; nil to register none.
	Metrics prometheus.Registerer
	// NewQueue makes the queue of a controller, by its name, that requeues after a time; nil for controller-runtime's priority
	// queue, which uses the time of the system and not the Clock.
	NewQueue func(string, workqueue.TypedRateLimiter[reconcile.Request]) Queue
	// OnSynced is called once, when everything has been listed, every Cluster has been reconciled since the start, and there is an
	// Inventory; it may be nil.
	OnSynced func()
}

// Queue is the queue of a controller.
type Queue = cluster.Queue

// CacheOptions returns those of the cache that the manager of a publisher must have. namespaces restricts Clusters, their Secrets and
// the objects that they refer to; none means all. resync is how often everything is reconciled again without an event.
func CacheOptions(namespaces []string, resync time.Duration) ctrlcache.Options {
	return cache.Options(namespaces, resync)
}
