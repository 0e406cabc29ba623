// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/publish/state"
	"github.com/capi-inventory/capi-inventory/internal/publish/target"
)

// Clusters, their kubeconfig Secrets, and what is published of them.
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters,verbs=get;list;watch
// +kubebuilder:rbac:groups=multicluster.x-k8s.io,resources=clusterprofiles,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=multicluster.x-k8s.io,resources=clusterprofiles/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=accessgrants,verbs=get;list;watch;create;patch;delete
//
// What a consumer reports of spokes, where an Inventory trusts that.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=spokechecks,verbs=get;list;watch
//
// Inventories select by the labels of namespaces.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=inventories,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
//
// Events on Clusters.
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Options are what the controller of Clusters needs. It reads only: Profiles writes.
type Options struct {
	// ClusterManager is spec.clusterManager.name of every profile.
	ClusterManager string
	// Namespaces and WatchFilter are the scope: see there.
	Namespaces  []string
	WatchFilter string
	// Concurrency is how many Clusters are reconciled at a time.
	Concurrency int
	// NewQueue makes the queues of both controllers; nil for controller-runtime's priority queue.
	NewQueue func(string, workqueue.TypedRateLimiter[reconcile.Request]) Queue
	Clock    clock.PassiveClock
	// Client reads from the cache, APIReader from the API server.
	Client    client.Reader
	APIReader client.Reader
	Recorder  events.EventRecorder

	Inventories *source.Inventories
	Clusters    *source.Clusters
	Profiles    *target.Profiles
	Index       *state.ProfileIndex
	Results     *state.Results
	Latency     *state.Latency
}
