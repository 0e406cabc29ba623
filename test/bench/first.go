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
	out.took = time.Since(publisher.began)
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
	return out, s.verify(ctx)
}
