// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"time"
)

// first is the first publication: a publisher starts on a hub that is full of Clusters, none of which is published.
type first struct {
	// took is from its start to the last status that is written.
	took, processor time.Duration
	// requests are those that write profiles, for each profile.
	requests float64
	// peak is the most memory that it had, in MiB.
	peak float64
}

func (s *stage) first(ctx context.Context) (out first, err error) {
	if err := errors.Join(s.selectFleet(ctx, true), s.removeProfiles(ctx, fleet)); err != nil {
		return out, err
	}
	before, err := s.writes(ctx)
	if err != nil {
		return out, err
	}
	publisher, err := s.publish()
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	if err := publisher.reached(ctx, statuses, publisher.began, float64(s.profiles())); err != nil {
		return out, err
	}
	if out.took, err = s.complete(ctx, publisher.began); err != nil {
		return out, err
	}
	if out.processor, err = publisher.processorTime(); err != nil {
		return out, err
	}
	if out.peak, err = publisher.memory("VmHWM"); err != nil {
		return out, err
	}
	after, err := s.writes(ctx)
	if err != nil {
		return out, err
	}
	out.requests = (after - before) / float64(s.profiles())
	say("published for the first time: %s, peak %.0f MiB", out.took.Round(10*time.Millisecond), out.peak)
	return out, nil
}

// complete waits until all profiles are complete, and returns how long that is after the publisher began. Where control planes are watched,
// and their first list takes longer than the publisher waits for it, it has written some statuses before and writes them again.
func (s *stage) complete(ctx context.Context, began time.Time) (time.Duration, error) {
	for reached := time.Now(); ; {
		took := time.Since(began)
		if err := s.verify(ctx); err == nil || time.Since(reached) > patience {
			return took, err
		}
		if err := wait(ctx, time.Second); err != nil {
			return took, err
		}
	}
}
