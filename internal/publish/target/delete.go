// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// deletionStuckAfter is how long a deletion may wait for consumers' finalizers before that is reported.
const deletionStuckAfter = 5 * time.Minute

// Delete deletes a profile as Locked.Delete does. No lock may be held.
func (p *Profiles) Delete(ctx context.Context, live *profile.Live) (Result, error) {
	locked := p.Lock(client.ObjectKeyFromObject(live))
	defer locked.Unlock()
	return locked.Delete(ctx, live)
}

// Delete deletes the profile in the very version that was read, or reports a deletion that is refused or stuck.
func (l Locked) Delete(ctx context.Context, live *profile.Live) (Result, error) {
	if !live.DeletionTimestamp.IsZero() {
		return l.profiles.AwaitDeletion(live), nil
	}
	a := l.attempt(live)
	if held := a.admit(deletion); held.Held {
		return held, nil
	}
	object := &inventoryv1alpha1.ClusterProfile{}
	object.Namespace, object.Name = l.key.Namespace, l.key.Name
	err := l.profiles.client.Delete(ctx, object, client.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion})
	if apierror.IsNotFound(err) {
		return Result{}, nil
	}
	l.profiles.metrics.wrote("delete", err)
	switch {
	case apierrors.IsConflict(err):
		return a.lostRace(), nil
	case err != nil:
		return Failed(fmt.Errorf("deleting ClusterProfile %s: %w", l.key, err))
	}
	l.profiles.budgets.deleted(l.key)
	logf.FromContext(ctx).Info("Withdrew a profile", "ClusterProfile", l.key)
	return Result{Deleted: true}, nil
}

// AwaitDeletion reports that the deletion of a profile has waited too long for the finalizers of others, or requeues for when it
// will have.
func (p *Profiles) AwaitDeletion(live *profile.Live) Result {
	if left := deletionStuckAfter - p.clock.Since(live.DeletionTimestamp.Time); left > 0 {
		return Result{RequeueAfter: left}
	}
	return Result{Problems: []profile.Problem{profile.NewProblem(v1alpha1.ProblemDeletionStuck,
		"ClusterProfile %s/%s has been waiting for more than 5 minutes to be deleted; its finalizers %s belong to consumers: "+
			"if one of them is uninstalled, remove its finalizer by hand",
		live.Namespace, live.Name, strings.Join(live.Finalizers, ", "))}}
}
