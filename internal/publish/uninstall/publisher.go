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

// awaitPublisher waits until a publisher is seen to renew its Lease: without one an Inventory that is deleted waits for ever,
// and cannot be brought back. It compares no times, as the clocks of two machines may differ. Nobody is waited for where no
// publisher ever took charge of a chosen Inventory.
func (w *Uninstaller) waitForPublisher(ctx context.Context, chosen []v1alpha1.Inventory) error {
	published := slices.ContainsFunc(chosen, func(i v1alpha1.Inventory) bool {
		return slices.Contains(i.Finalizers, v1alpha1.FinalizerProfiles)
	})
	if w.Lease.Name == "" || !published {
		return nil
	}
	if err := w.tell("Looking for the publisher that leads by the Lease %s.", w.Lease); err != nil {
		return err
	}
	var (
		first *coordinationv1.Lease
		fault error
	)
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		lease := &coordinationv1.Lease{}
		switch err := w.Hub.Get(ctx, w.Lease, lease); {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			first, fault = nil, err
			return false, permanent(err)
		case first == nil:
			first, fault = lease, nil
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
	case apierrors.IsNotFound(fault):
		return fmt.Errorf("no publisher runs, and so nothing was deleted: there is no Lease %s", w.Lease)
	case fault != nil:
		return fmt.Errorf("no publisher was found, and so nothing was deleted: %w", fault)
	}
	return fmt.Errorf("no publisher runs, and so nothing was deleted: nobody renews the Lease %s", w.Lease)
}
