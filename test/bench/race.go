// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// pair is one round: how long raw and the publisher took for the same Clusters.
type pair struct {
	clusters       int
	raw, publisher time.Duration
	// processor is the publisher's processor time in the round.
	processor time.Duration
}

// ratio is the publisher's rate in raw's.
func (p pair) ratio() float64 { return p.raw.Seconds() / p.publisher.Seconds() }

// race lets raw and the publisher publish the Clusters of one namespace, in turns the one first and the other.
func (s *stage) race(ctx context.Context) ([]pair, error) {
	var pairs []pair
	for round := range s.plan.rounds {
		var p pair
		first, second := s.runRaw, s.runPublisher
		if round%2 == 1 {
			first, second = second, first
		} else if round == 0 {
			// A server that has just started is slow.
			first = func(ctx context.Context, round int, p *pair) error {
				return errors.Join(s.runRaw(ctx, round, p), s.runRaw(ctx, round, p))
			}
		}
		if err := errors.Join(first(ctx, round, &p), second(ctx, round, &p)); err != nil {
			return nil, fmt.Errorf("round %d: %w", round+1, err)
		}
		say("round %d of %d: raw %.0f, publisher %.0f profiles a second: %.2f", round+1, s.plan.rounds,
			float64(p.clusters)/p.raw.Seconds(), float64(p.clusters)/p.publisher.Seconds(), p.ratio())
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// request is what the publisher sends for one Cluster: the profile, and then its status.
type request struct {
	profile, status *inventoryac.ClusterProfileApplyConfiguration
}

// wanted makes the publisher's requests for the Clusters of a round, into raw's namespace.
func (s *stage) wanted(ctx context.Context, round int) ([]request, error) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		return nil, err
	}
	inventory, err := profile.Compile(compiler, s.inventory)
	if err != nil {
		return nil, err
	}
	var clusters clusterv1.ClusterList
	if err := s.client.List(ctx, &clusters, client.InNamespace(published(round))); err != nil {
		return nil, fmt.Errorf("listing Clusters: %w", err)
	}
	var requests []request
	for i := range clusters.Items {
		facts := profile.Facts{
			Manager:     "cluster-api",
			Cluster:     &clusters.Items[i],
			Now:         time.Now(),
			Kubeconfigs: map[profile.SecretKey]profile.Kubeconfig{},
		}
		for _, key := range inventory.Secrets(facts.Cluster) {
			endpoint, err := readEndpoint(ctx, s.client, types.NamespacedName{Namespace: published(round), Name: key.Name}, key.Key)
			if err != nil {
				return nil, err
			}
			facts.Kubeconfigs[key] = profile.Kubeconfig{Endpoint: endpoint}
		}
		var r request
		var problems [2][]profile.Problem
		r.profile, problems[0] = inventory.Profile(facts)
		r.status, problems[1] = inventory.Status(facts, 1)
		for _, p := range append(problems[0], problems[1]...) {
			return nil, fmt.Errorf("a Cluster that cannot be published in full: %s: %s", p.Reason, p.Message)
		}
		requests = append(requests, request{profile: r.profile.WithNamespace(raw(round)), status: r.status.WithNamespace(raw(round))})
	}
	return requests, nil
}

// runRaw sends the requests for a round, and nothing else. There is no publisher meanwhile: it would watch what raw writes.
func (s *stage) runRaw(ctx context.Context, round int, p *pair) error {
	requests, err := s.wanted(ctx, round)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := parallel(ctx, s.plan.concurrency, len(requests), func(ctx context.Context, i int) error {
		if err := s.client.Apply(ctx, requests[i].profile, client.FieldOwner(profile.FieldManager), client.ForceOwnership); err != nil {
			return fmt.Errorf("raw: applying a profile: %w", err)
		}
		err := s.client.Status().Apply(ctx, requests[i].status, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("raw: applying a status: %w", err)
		}
		return nil
	}); err != nil {
		return err
	}
	p.clusters, p.raw = len(requests), time.Since(began)
	// They carry the publisher's provenance, and it would take them for its own.
	if err := s.client.DeleteAllOf(ctx, &inventoryv1alpha1.ClusterProfile{}, client.InNamespace(raw(round))); err != nil {
		return fmt.Errorf("removing what raw has made: %w", err)
	}
	return nil
}

// runPublisher starts a publisher, lets it settle on the rounds before, and measures from the label that opens this round
// to the last status that is written.
func (s *stage) runPublisher(ctx context.Context, round int, p *pair) (err error) {
	publisher, err := s.publish()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	if _, err := publisher.settled(ctx, s.size); err != nil {
		return err
	}
	before, err := publisher.processorTime()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.openNamespace(ctx, published(round)); err != nil {
		return err
	}
	p.clusters = s.clustersOf(round)
	for written, pause := 0.0, 100*time.Millisecond; written < float64(p.clusters); {
		if err := wait(ctx, pause); err != nil {
			return err
		}
		if written, err = publisher.count(ctx, statuses); err != nil {
			return err
		}
		// To ask costs the publisher time: seldom, until it is nearly done.
		left := time.Duration(float64(time.Since(began)) * (float64(p.clusters)/max(written, 1) - 1))
		pause = min(max(left/2, 20*time.Millisecond), time.Second)
	}
	p.publisher = time.Since(began)
	after, err := publisher.processorTime()
	if err != nil {
		return err
	}
	p.processor = after - before
	return s.verify(ctx, round, p.clusters)
}
