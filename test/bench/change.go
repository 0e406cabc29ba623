// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// changes is how long changed endpoints took to reach their profiles, and how long a plain GET of a profile took meanwhile.
type changes struct{ took, trips []time.Duration }

// inTrips returns a percentile of the changes in round trips, of which the median counts.
func (c changes) inTrips(percent int) float64 {
	return percentile(c.took, percent).Seconds() / median(c.trips).Seconds()
}

// change moves one Cluster after the other to another endpoint: first while the others rest, and then while the publisher is busy with a
// full pass over all of them.
func (s *stage) change(ctx context.Context) (atRest, inPass changes, err error) {
	publisher, _, err := s.publishSettled(ctx)
	if err != nil {
		return atRest, inPass, err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	for range s.plan.changes {
		if err := s.moveOne(ctx, &atRest); err != nil {
			return atRest, inPass, err
		}
	}
	say("%d endpoints changed at rest: %s", len(atRest.took), atRest)
	for pass := 0; len(inPass.took) < s.plan.changes; pass++ {
		if err := s.changeInPass(ctx, publisher, pass, &inPass); err != nil {
			return atRest, inPass, err
		}
	}
	say("%d endpoints changed in full passes: %s", len(inPass.took), inPass)
	return atRest, inPass, nil
}

func (c changes) String() string {
	return fmt.Sprintf("median %s, a GET %s", milliseconds(median(c.took)), milliseconds(median(c.trips)))
}

// changeInPass edits the Inventory, so that every status is written again, and moves Clusters until that is done.
func (s *stage) changeInPass(ctx context.Context, publisher *process, pass int, out *changes) error {
	before, err := publisher.count(ctx, statuses)
	if err != nil {
		return err
	}
	edit := client.RawPatch(types.MergePatchType,
		fmt.Appendf(nil, `{"spec":{"properties":[{"name":"pass.example.com","expression":"'%d'"}]}}`, pass))
	if err := s.client.Patch(ctx, s.inventory, edit); err != nil {
		return fmt.Errorf("editing the Inventory: %w", err)
	}
	began := time.Now()
	for len(out.took) < s.plan.changes {
		var one changes
		if err := s.moveOne(ctx, &one); err != nil {
			return err
		}
		count, err := publisher.count(ctx, statuses)
		if err != nil {
			return err
		}
		if count >= before+float64(s.size) {
			break
		}
		if count > before {
			out.took, out.trips = append(out.took, one.took...), append(out.trips, one.trips...)
		}
	}
	return publisher.reached(ctx, statuses, began, before+float64(s.size))
}

// moveOne moves the next Cluster, and measures how long that takes, and a GET before it.
func (s *stage) moveOne(ctx context.Context, out *changes) error {
	s.moved++
	// Spread over all of them.
	key := types.NamespacedName{Namespace: fleet, Name: clusterName(s.moved * 37 % s.size)}
	began := time.Now()
	if err := s.client.Get(ctx, key, &inventoryv1alpha1.ClusterProfile{}); err != nil {
		return fmt.Errorf("reading a profile: %w", err)
	}
	out.trips = append(out.trips, time.Since(began))
	took, err := s.move(ctx, key, fmt.Sprintf("https://moved-%d.example.com:6443", s.moved))
	if err != nil {
		return fmt.Errorf("changing the endpoint of %s: %w", key, err)
	}
	out.took = append(out.took, took)
	return nil
}

// move changes a Cluster's kubeconfig and measures from sending that request to the profile that shows it.
func (s *stage) move(ctx context.Context, key types.NamespacedName, server string) (time.Duration, error) {
	watch, err := s.client.Watch(ctx, &inventoryv1alpha1.ClusterProfileList{}, client.InNamespace(key.Namespace),
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", key.Name)})
	if err != nil {
		return 0, fmt.Errorf("watching the profile: %w", err)
	}
	defer watch.Stop()
	secret := &corev1.Secret{}
	if err := s.client.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-kubeconfig"}, secret); err != nil {
		return 0, fmt.Errorf("reading the Secret: %w", err)
	}
	if err := rewriteKubeconfig(secret, key.Name, server, "moved"); err != nil {
		return 0, err
	}
	// The request's own traces and those of the look-ups before have passed.
	if err := wait(ctx, 50*time.Millisecond); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.client.Update(ctx, secret); err != nil {
		return 0, fmt.Errorf("changing the Secret: %w", err)
	}
	for patience := time.After(time.Minute); ; {
		select {
		case event, open := <-watch.ResultChan():
			if !open {
				return 0, errors.New("the watch has ended")
			}
			p, isProfile := event.Object.(*inventoryv1alpha1.ClusterProfile)
			if isProfile && len(p.Status.AccessProviders) > 0 && p.Status.AccessProviders[0].Cluster.Server == server {
				return time.Since(began), nil
			}
		case <-patience:
			return 0, errors.New("the profile has not followed for a minute")
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
