// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// milestone is that so many grants have passed. A counter of the program shows when that is near: to list all grants each time would
// keep the API server from what is measured.
type milestone struct {
	counter string
	grants  int
	passed  func(v1alpha1.AccessGrant) bool
}

// await waits until a program has reached a milestone.
func (g *grants) await(ctx context.Context, program *process, to milestone) error {
	if err := program.reached(ctx, to.counter, program.began, float64(to.grants)); err != nil {
		return err
	}
	for began := time.Now(); ; {
		list := &v1alpha1.AccessGrantList{}
		if err := patiently(func() error { return g.client.List(ctx, list, client.InNamespace(fleet)) }); err != nil {
			return fmt.Errorf("listing AccessGrants: %w", err)
		}
		passed := len(list.Items) - len(slices.DeleteFunc(list.Items, to.passed))
		if passed >= to.grants {
			return nil
		}
		if time.Since(began) > patience {
			return fmt.Errorf("the %s has stopped at %d of %d grants", program.name, passed, to.grants)
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
