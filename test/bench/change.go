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

// change moves one Cluster after the other to another endpoint, while the others rest.
func (s *stage) change(ctx context.Context) (out changes, err error) {
	publisher, err := s.publish()
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	if _, err := publisher.settled(ctx, s.size); err != nil {
		return out, err
	}
	for n := range s.plan.changes {
		// Every one another Cluster, spread over the rounds: none is changed twice.
		index := n * (s.size / s.plan.changes)
		key := types.NamespacedName{Namespace: published(index % s.plan.rounds), Name: clusterName(index)}
		began := time.Now()
		if err := s.client.Get(ctx, key, &inventoryv1alpha1.ClusterProfile{}); err != nil {
			return out, fmt.Errorf("reading a profile: %w", err)
		}
		out.trips = append(out.trips, time.Since(began))
		took, err := s.move(ctx, key, fmt.Sprintf("https://moved-%d.example.com:6443", n))
		if err != nil {
			return out, fmt.Errorf("changing the endpoint of %s: %w", key, err)
		}
		out.took = append(out.took, took)
	}
	say(
		"%d endpoints changed: median %s, a GET %s",
		len(out.took),
		median(out.took).Round(10*time.Microsecond),
		median(out.trips).Round(10*time.Microsecond),
	)
	return out, nil
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
	if err := moveEndpoint(secret, key.Name, server); err != nil {
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
