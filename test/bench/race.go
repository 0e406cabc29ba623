// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// round is how long each took to publish all Clusters.
type round struct {
	clusters int
	// watched is raw beside a client that watches the profiles, as the publisher does.
	raw, watched, publisher time.Duration
	// processor is the publisher's processor time in the round.
	processor time.Duration
}

// ratio is the publisher's rate in raw's.
func (r round) ratio() float64 { return r.raw.Seconds() / r.publisher.Seconds() }

// watchedRatio is the publisher's rate in that of raw beside a watch.
func (r round) watchedRatio() float64 { return r.watched.Seconds() / r.publisher.Seconds() }

// rate is how many profiles a second are published in a time.
func (r round) rate(took time.Duration) float64 { return float64(r.clusters) / took.Seconds() }

// race has raw, raw beside a watch, and the publisher each publish all Clusters; who is first changes with each round.
func (s *stage) race(ctx context.Context) ([]round, error) {
	raw, err := s.newRaw(ctx)
	if err != nil {
		return nil, err
	}
	runRaw := func(ctx context.Context, r *round) (err error) {
		r.raw, err = raw.publish(ctx)
		return err
	}
	runWatched := func(ctx context.Context, r *round) (err error) {
		r.watched, err = raw.publishWatched(ctx)
		return err
	}
	// A server that has just started is slow.
	if _, err := raw.publish(ctx); err != nil {
		return nil, err
	}
	runs := []func(context.Context, *round) error{runRaw, runWatched, s.runPublisher}
	var rounds []round
	for n := range s.plan.rounds {
		r := round{clusters: s.size}
		for i := range runs {
			if err := runs[(n+i)%len(runs)](ctx, &r); err != nil {
				return nil, fmt.Errorf("round %d: %w", n+1, err)
			}
		}
		say("round %d of %d: raw %.0f, beside a watch %.0f, publisher %.0f profiles a second: %.2f and %.2f", n+1, s.plan.rounds,
			r.rate(r.raw), r.rate(r.watched), r.rate(r.publisher), r.ratio(), r.watchedRatio())
		rounds = append(rounds, r)
	}
	return rounds, nil
}

// runPublisher starts a publisher on Clusters that are not to be published, lets it settle, and measures from the label that selects them
// to the last status that is written.
func (s *stage) runPublisher(ctx context.Context, r *round) (err error) {
	if err := errors.Join(s.selectFleet(ctx, false), s.removeProfiles(ctx, fleet)); err != nil {
		return err
	}
	publisher, _, err := s.publishSettled(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	before, err := publisher.processorTime()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.selectFleet(ctx, true); err != nil {
		return err
	}
	if err := publisher.reached(ctx, statuses, began, float64(s.size)); err != nil {
		return err
	}
	r.publisher = time.Since(began)
	after, err := publisher.processorTime()
	if err != nil {
		return err
	}
	r.processor = after - before
	return s.verify(ctx)
}
