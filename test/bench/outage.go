// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// outageSize is how many spokes end at once.
const outageSize = 100

// choose returns so many spokes that do not hang: the same ones in each run.
func (c *checks) choose(count int) []int {
	all := rand.New(rand.NewPCG(1, 1)).Perm(c.size)
	return slices.DeleteFunc(all, c.hanging.Has)[:count]
}

// hang has the spokes that hang hang, and no others.
func (c *checks) hang() {
	now := maps.Clone(c.hanging)
	c.spokes.Hang(now.Has)
}

// outage has spokes end that were reachable, all at once, and return, and measures how long each takes to be reported.
func (c *checks) outage(ctx context.Context) (ends, returns []time.Duration, err error) {
	chosen := c.choose(min(outageSize, c.size/10))
	if ends, err = c.follow(ctx, chosen, false, func() { c.hanging.Insert(chosen...) }); err != nil {
		return nil, nil, err
	}
	say("%d spokes ended: reported after %s", len(chosen), median(ends).Round(100*time.Millisecond))
	if returns, err = c.follow(ctx, chosen, true, func() { c.hanging.Delete(chosen...) }); err != nil {
		return nil, nil, err
	}
	say("%d spokes returned: reported after %s", len(chosen), median(returns).Round(100*time.Millisecond))
	return ends, returns, nil
}

// follow changes which spokes hang, and measures how long it takes until each of those that were chosen is reported as reachable or not.
func (c *checks) follow(ctx context.Context, chosen []int, reachable bool, change func()) ([]time.Duration, error) {
	events, err := c.watch(ctx)
	if err != nil {
		return nil, err
	}
	defer events.Stop()
	missing := sets.New[string]()
	for _, n := range chosen {
		missing.Insert(clusterName(n))
	}
	change()
	c.hang()
	began, took := time.Now(), []time.Duration{}
	for timeout := time.After(patience); missing.Len() > 0; {
		select {
		case event, open := <-events.ResultChan():
			if !open {
				return nil, errors.New("the watch of SpokeChecks has ended")
			}
			if name := reported(event, reachable); missing.Has(name) {
				missing.Delete(name)
				took = append(took, time.Since(began))
			}
		case <-timeout:
			return nil, fmt.Errorf("%d of %d spokes are not reported after %s", missing.Len(), len(chosen), patience)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return took, nil
}

// watch returns the events of SpokeChecks from now on. An API server that is busy ends the watch of a client that falls behind: it is begun
// again where it ended.
func (c *checks) watch(ctx context.Context) (watch.Interface, error) {
	var now v1alpha1.SpokeCheckList
	if err := c.client.List(ctx, &now, client.InNamespace(fleet), client.Limit(1)); err != nil {
		return nil, fmt.Errorf("listing SpokeChecks: %w", err)
	}
	events, err := watchtools.NewRetryWatcherWithContext(ctx, now.ResourceVersion, &toolscache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return c.client.Watch(ctx, &v1alpha1.SpokeCheckList{}, client.InNamespace(fleet), &client.ListOptions{Raw: &options})
		},
	})
	if err != nil {
		return nil, fmt.Errorf("watching SpokeChecks: %w", err)
	}
	return events, nil
}

// reported returns the name of the spoke that an event reports as reachable or not; empty if it reports something else.
func reported(event watch.Event, reachable bool) string {
	check, isCheck := event.Object.(*v1alpha1.SpokeCheck)
	if !isCheck || len(check.Status.Conditions) == 0 ||
		meta.IsStatusConditionTrue(check.Status.Conditions, v1alpha1.ConditionReachable) != reachable {
		return ""
	}
	return check.Name
}
