// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// The Leases of Cluster API's core controllers.
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,resourceNames=controller-leader-election-capi,verbs=list

const (
	// clusterAPILease is the name of the Lease of Cluster API's core controllers, in whatever namespace they run.
	clusterAPILease = "controller-leader-election-capi"
	// livenessInterval is how often the Leases are listed. A controller that leads renews its Lease every few seconds.
	livenessInterval = 20 * time.Second
)

// verdict is what the Leases prove about Cluster API.
type verdict int

const (
	// undecided: a Lease exists, and no renewal of it has been seen yet.
	undecided verdict = iota
	// running also stands for unknown: there is no Lease, or the publisher may not list Leases.
	running
	down
)

// Liveness detects that Cluster API is down: then the conditions of Clusters are stale and prove nothing. It does not compare times
// of different machines: Cluster API runs while a Lease of it is seen to be renewed. With several installations one that runs is
// enough, because nothing says which Clusters belong to which.
type Liveness struct {
	apiReader  client.Reader
	clock      clock.WithTicker
	staleAfter time.Duration
	// changed reports that the health of every Cluster may have changed.
	changed chan event.TypedGenericEvent[struct{}]

	// renewals are the renewal times of the last successful list, by namespace; nil before the first one.
	renewals map[string]metav1.MicroTime
	// staleFor is for how long no renewal was seen. Only successful lists count: an outage of the hub's API server, or of the
	// publisher's machine, does not prove that Cluster API is down.
	staleFor time.Duration
	// forbidden reports whether missing rights have been logged.
	forbidden bool

	mu      sync.Mutex
	verdict verdict
	// kept reports whether a profile keeps what an earlier publisher made of ClusterAPIDown until there is a verdict.
	kept bool
}

// NewLiveness returns a runnable that lists Leases without a cache. Where staleAfter is zero it lists none, and Cluster API counts as
// running.
func NewLiveness(apiReader client.Reader, clk clock.WithTicker, staleAfter time.Duration) *Liveness {
	l := &Liveness{
		apiReader:  apiReader,
		clock:      clk,
		staleAfter: staleAfter,
		changed:    make(chan event.TypedGenericEvent[struct{}]),
	}
	if l.staleAfter == 0 {
		l.verdict = running
	}
	return l
}

// Down reports whether Cluster API is down. Until there is a verdict, what is published stays: a restarted publisher must not
// report stale conditions as healthy. SpokeAnswers may have been made of ClusterAPIDown.
func (l *Liveness) Down(published *profile.Live) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.verdict != undecided {
		return l.verdict == down
	}
	if published == nil {
		return false
	}
	health := meta.FindStatusCondition(published.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy)
	keep := health != nil && (health.Reason == v1alpha1.ReasonClusterAPIDown || health.Reason == v1alpha1.ReasonSpokeAnswers)
	l.kept = l.kept || keep
	return keep
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a standby publishes nothing.
func (l *Liveness) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable.
func (l *Liveness) Start(ctx context.Context) error {
	if l.staleAfter == 0 {
		return nil
	}
	ticker := l.clock.NewTicker(livenessInterval)
	defer ticker.Stop()
	for {
		l.poll(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// poll lists the Leases and updates the verdict. A list that fails changes nothing.
func (l *Liveness) poll(ctx context.Context) {
	var list coordinationv1.LeaseList
	err := l.apiReader.List(ctx, &list, client.MatchingFields{"metadata.name": clusterAPILease})
	switch {
	case apierrors.IsForbidden(err):
		if !l.forbidden {
			logf.FromContext(ctx).Error(err, "Not allowed to list the Leases of Cluster API; its outages are not noticed",
				"name", clusterAPILease)
		}
		l.forbidden, l.renewals, l.staleFor = true, nil, 0
		l.setVerdict(ctx, running)
	case err != nil:
		if ctx.Err() == nil {
			logf.FromContext(ctx).Error(err, "Could not list the Leases of Cluster API", "name", clusterAPILease)
		}
	default:
		l.forbidden = false
		l.setVerdict(ctx, l.observe(list.Items))
	}
}

// observe returns the verdict after another successful list.
func (l *Liveness) observe(leases []coordinationv1.Lease) verdict {
	before := l.renewals
	l.renewals = make(map[string]metav1.MicroTime, len(leases))
	renewed := len(leases) == 0
	for _, lease := range leases {
		at := ptr.Deref(lease.Spec.RenewTime, metav1.MicroTime{})
		last, known := before[lease.Namespace]
		renewed = renewed || before != nil && (!known || !at.Equal(&last))
		l.renewals[lease.Namespace] = at
	}
	if renewed {
		l.staleFor = 0
		return running
	}
	if before != nil {
		l.staleFor += livenessInterval
	}
	if l.staleFor >= l.staleAfter {
		return down
	}
	return l.verdict
}

// setVerdict replaces the verdict and, if that changes the health of Clusters, reconciles all of them.
func (l *Liveness) setVerdict(ctx context.Context, now verdict) {
	l.mu.Lock()
	before := l.verdict
	changes := now != before && (before != undecided || now == down || l.kept)
	l.verdict = now
	l.mu.Unlock()
	if !changes {
		return
	}
	if now == down {
		logf.FromContext(ctx).Info("Cluster API is down: its Lease is not renewed; the health of every Cluster is unknown",
			"name", clusterAPILease, "for", l.staleFor.String())
	} else {
		logf.FromContext(ctx).Info("Cluster API is no longer considered down", "name", clusterAPILease)
	}
	select {
	case l.changed <- event.TypedGenericEvent[struct{}]{}:
	case <-ctx.Done():
	}
}
