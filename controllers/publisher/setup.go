// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/keymutex"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// What is published, and where it comes from.
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters,verbs=get;list;watch
// +kubebuilder:rbac:groups=multicluster.x-k8s.io,resources=clusterprofiles,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=multicluster.x-k8s.io,resources=clusterprofiles/status,verbs=patch
//
// The endpoint of a spoke is in its kubeconfig; a Secret without Cluster API's label is read by its name.
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
//
// Inventories select by the labels of namespaces, and hold themselves until their profiles are gone.
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=inventories,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=inventories/status,verbs=patch
//
// Versions, and what expressions read, are on the objects that Clusters refer to. Those of other API groups are granted by
// roles with the label capi-inventory.dev/aggregate-to-publisher.
// +kubebuilder:rbac:groups=controlplane.cluster.x-k8s.io;infrastructure.cluster.x-k8s.io,resources=*,verbs=get;list;watch
//
// Events on Clusters, and diagnostics for those who may see them.
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// lockCount is how many locks the profiles share: enough that two of them seldom wait for one.
const lockCount = 256

// setup builds the reconcilers and starts their watches. The APIs must be there.
func setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	// The deadline of an evaluation is measured on the machine's clock, not on options.Clock: it bounds work that is being done, and a
	// test that steps its clock by minutes would end the evaluation that runs at that moment. Tests of the deadline use WithClock.
	compiler, err := cel.NewCompiler()
	if err != nil {
		return err
	}
	metrics := newMetrics()
	if options.Metrics != nil {
		if err := options.Metrics.Register(metrics); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	r := &Reconciler{
		options:     options,
		scope:       scope{namespaces: options.Namespaces, watchFilter: options.WatchFilter},
		client:      mgr.GetClient(),
		live:        mgr.GetAPIReader(),
		index:       newIndex(options.ClusterManager),
		inventories: &inventories{cached: mgr.GetClient(), compiler: compiler, class: options.PublisherClass, compiled: map[types.UID]compiled{}},
		secrets:     &secrets{cached: mgr.GetClient(), live: mgr.GetAPIReader(), clock: options.Clock, read: map[types.NamespacedName]*liveRead{}},
		objects:     newObjects(mgr.GetCache(), mgr.GetRESTMapper(), options.Clock, ctx.Done()),
		liveness:    newLiveness(mgr.GetAPIReader(), options),
		ledger:      newLedger(ctx.Done()),
		writes:      newWrites(options.Clock),
		reports:     newWrites(options.Clock),
		budgets:     newBudgets(options.Clock),
		lookups:     newLookups(options.Clock),
		waiters:     newWaiters(),
		arrivals:    &arrivals{clock: options.Clock, latency: metrics.latency, since: map[types.NamespacedName]time.Time{}},
		metrics:     metrics,
		announcer:   announcer{recorder: mgr.GetEventRecorder("capi-inventory-publisher")},
		locks:       keymutex.NewHashed(lockCount),
	}
	if err := r.watch(mgr); err != nil {
		return fmt.Errorf("setting up the controllers: %w", err)
	}
	if err := mgr.Add(r.liveness); err != nil {
		return fmt.Errorf("watching the Leases of Cluster API: %w", err)
	}
	return nil
}
