// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// waitForPublisher waits until a publisher renews its Lease: without one, the deletion of an Inventory would wait forever and could not
// be undone. It does not compare the time of the Lease with ours, because clocks differ. It does not wait if none of the Inventories
// has the publisher's finalizer.
func (w *Uninstaller) waitForPublisher(ctx context.Context, selected []v1alpha1.Inventory) error {
	published := slices.ContainsFunc(selected, func(i v1alpha1.Inventory) bool {
		return slices.Contains(i.Finalizers, v1alpha1.FinalizerProfiles)
	})
	if w.Lease.Name == "" || !published {
		return nil
	}
	if err := w.printf("Waiting for the publisher to renew the Lease %s.", w.Lease); err != nil {
		return err
	}
	var (
		first   *coordinationv1.Lease
		lastErr error
	)
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		lease := &coordinationv1.Lease{}
		switch err := w.Hub.Get(ctx, w.Lease, lease); {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			first, lastErr = nil, err
			return false, permanent(err)
		case first == nil:
			first, lastErr = lease, nil
			return false, nil
		}
		held := ptr.Deref(lease.Spec.HolderIdentity, "") != ""
		return held && !lease.Spec.RenewTime.Equal(first.Spec.RenewTime), nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil:
		return err
	case apierrors.IsNotFound(lastErr):
		return fmt.Errorf("no publisher runs, so nothing was deleted: there is no Lease %s", w.Lease)
	case lastErr != nil:
		return fmt.Errorf("no publisher was found, so nothing was deleted: %w", lastErr)
	}
	return fmt.Errorf("no publisher runs, so nothing was deleted: the Lease %s is not renewed", w.Lease)
}
