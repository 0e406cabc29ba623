// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// checked waits until each spoke has a SpokeCheck that says what is so. The consumer's metrics show when that is near: to list all each
// time would keep the API server from what is measured.
func (c *checks) checked(ctx context.Context, consumer *process, hanging int) error {
	const known = "capi_inventory_consumer_spokes{"
	last, since := 0.0, time.Now()
	for {
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		all, err := consumer.count(ctx, known)
		if err != nil {
			return err
		}
		pending, err := consumer.count(ctx, known+`joined="true",reason="Pending"`)
		if err != nil {
			return err
		}
		if probed := all - pending; probed != last {
			last, since = probed, time.Now()
		}
		if time.Since(since) > patience {
			return fmt.Errorf("the %s has stopped at %.0f of %d spokes", consumer.name, last, c.size)
		}
		if last < float64(c.size) {
			continue
		}
		if complete, err := c.reported(ctx, hanging); err != nil || complete {
			return err
		}
	}
}

// reported reports whether the SpokeChecks show so many spokes as not reachable, and all others as reachable.
func (c *checks) reported(ctx context.Context, hanging int) (bool, error) {
	list := &v1alpha1.SpokeCheckList{}
	if err := c.client.List(ctx, list, client.InNamespace(fleet)); err != nil {
		return false, fmt.Errorf("listing SpokeChecks: %w", err)
	}
	count := map[metav1.ConditionStatus]int{}
	for i := range list.Items {
		if found := meta.FindStatusCondition(list.Items[i].Status.Conditions, v1alpha1.ConditionReachable); found != nil {
			count[found.Status]++
		}
	}
	return count[metav1.ConditionTrue] == c.size-hanging && count[metav1.ConditionFalse] == hanging, nil
}

// settle waits until nothing has been written for two seconds, and returns what was used until then: some statuses are applied twice, as
// the cache does not have the first write yet. It waits for settleTime at most: of many spokes, one has its heartbeat at any time.
func (c *checks) settle(ctx context.Context, consumer *process) (checking, error) {
	for last, began := -1.0, time.Now(); ; {
		now, err := c.usage(ctx, consumer)
		if err != nil || now.writes == last || time.Since(began) > settleTime {
			return now, err
		}
		last = now.writes
		if err := wait(ctx, 2*time.Second); err != nil {
			return now, err
		}
	}
}

// settleTime is many times what a cache needs to have a write.
const settleTime = 10 * time.Second
