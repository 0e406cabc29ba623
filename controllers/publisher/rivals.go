// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// LeaseName names the Lease by which one of several replicas of a publisher class leads. Installations in other namespaces have a
// Lease of the same name there, which is how they find one another.
func LeaseName(class string) string {
	if class == "" {
		return "publisher.capi-inventory.dev"
	}
	return "publisher-" + class + ".capi-inventory.dev"
}

// The Leases of publishers in other namespaces.
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,resourceNames=publisher.capi-inventory.dev,verbs=list

const (
	// pollInterval is how often a Lease is read to see whether it is renewed. A leader does so every two seconds.
	pollInterval = 3 * time.Second
	// abandonedAfter is after how long a Lease that is not renewed counts as abandoned. A Lease lasts 15 seconds.
	abandonedAfter = 18 * time.Second
	// rivalsInterval is how often a publisher that leads lists rivals.
	rivalsInterval = 30 * time.Second
)

// Rivals finds other publishers of the same class on the hub: installations in other namespaces. Two of them would overwrite
// each other's status of Inventories. It compares no times of different machines: a Lease is alive while it is seen to be renewed.
type Rivals struct {
	// Hub is read without a cache.
	Hub client.Reader
	// Lease is this publisher's own; without a namespace where there is none, because it runs without leader election.
	Lease types.NamespacedName
	// Clock is the source of the time.
	Clock clock.WithTicker
}

// Check returns an error that names another publisher of the class, if one is alive whose Lease is older than this publisher's. One with a
// younger Lease ends by itself; so a user who may write Leases in some namespace does not keep a publisher that has led before from
// starting again. It waits as long as needed to see a renewal: not at all if no other Lease is held.
func (r *Rivals) Check(ctx context.Context) error {
	first, err := r.held(ctx)
	if err != nil || len(first) == 0 {
		return err
	}
	ticker := r.Clock.NewTicker(pollInterval)
	defer ticker.Stop()
	for waited := time.Duration(0); waited < abandonedAfter; waited += pollInterval {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		now, err := r.held(ctx)
		if err != nil {
			return err
		}
		rival, err := r.rival(ctx, first, now)
		if err != nil {
			return err
		}
		if rival != nil {
			return refuse(rival)
		}
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (r *Rivals) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable: while this publisher leads, it lists rivals that were started at the same moment. Of two,
// the one whose Lease is younger ends with an error.
func (r *Rivals) Start(ctx context.Context) error {
	ticker := r.Clock.NewTicker(rivalsInterval)
	defer ticker.Stop()
	var before map[string]coordinationv1.Lease
	for {
		now, err := r.held(ctx)
		if err == nil {
			var rival *coordinationv1.Lease
			if rival, err = r.rival(ctx, before, now); rival != nil {
				return refuse(rival)
			}
		}
		if err != nil && ctx.Err() == nil {
			logf.FromContext(ctx).Error(err, "Could not look for other publishers of this class")
		}
		before = now
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// rival returns the Lease of another publisher that has precedence over this one's, and that was renewed between two lists; nil if there
// is none.
func (r *Rivals) rival(ctx context.Context, before, now map[string]coordinationv1.Lease) (*coordinationv1.Lease, error) {
	for namespace, lease := range now {
		last, held := before[namespace]
		if !held || last.UID != lease.UID || lease.Spec.RenewTime.Equal(last.Spec.RenewTime) {
			continue
		}
		if mine, err := r.own(ctx); err != nil {
			return nil, err
		} else if older(lease, mine) {
			return &lease, nil
		}
	}
	return nil, nil
}

// held returns the Leases of other publishers of the class that have a holder, by namespace.
func (r *Rivals) held(ctx context.Context) (map[string]coordinationv1.Lease, error) {
	var list coordinationv1.LeaseList
	err := r.Hub.List(ctx, &list, client.MatchingFields{"metadata.name": r.Lease.Name})
	if apierrors.IsForbidden(err) {
		logf.FromContext(ctx).Error(err, "Not allowed to look for other publishers of this class; make sure that there is none")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the Leases of publishers: %w", err)
	}
	held := map[string]coordinationv1.Lease{}
	for _, lease := range list.Items {
		if lease.Namespace != r.Lease.Namespace && ptr.Deref(lease.Spec.HolderIdentity, "") != "" {
			held[lease.Namespace] = lease
		}
	}
	return held, nil
}

// own returns this publisher's Lease; nil where it has none, or has never led.
func (r *Rivals) own(ctx context.Context) (*coordinationv1.Lease, error) {
	if r.Lease.Namespace == "" {
		return nil, nil
	}
	lease := &coordinationv1.Lease{}
	if err := r.Hub.Get(ctx, r.Lease, lease); apierrors.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading the Lease %s: %w", r.Lease, err)
	}
	return lease, nil
}

// older reports whether a Lease has precedence over the publisher's own, by the API server's times: both sides see the same.
func older(lease coordinationv1.Lease, mine *coordinationv1.Lease) bool {
	switch {
	case mine == nil:
		return true
	case lease.CreationTimestamp.Equal(&mine.CreationTimestamp):
		return lease.Namespace < mine.Namespace
	}
	return lease.CreationTimestamp.Before(&mine.CreationTimestamp)
}

func refuse(lease *coordinationv1.Lease) error {
	return fmt.Errorf(
		"another publisher of the same class runs on this hub: %s holds the Lease %s/%s; stop one of them, or give each a "+
			"--publisher-class of its own",
		ptr.Deref(lease.Spec.HolderIdentity, ""),
		lease.Namespace,
		lease.Name,
	)
}
