// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"time"
)

// restart is what a publisher does that finds everything published, and what it then needs.
type restart struct {
	writes    float64
	settled   time.Duration
	processor time.Duration
	// In MiB: at once when settled; after a rest, and that without the pages that are mapped from files; and at most.
	rss, rested, anonymous, peak float64
}

func (s *stage) restart(ctx context.Context) (out restart, err error) {
	before, err := s.writes(ctx)
	if err != nil {
		return out, err
	}
	publisher, settled, err := s.publishSettled(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	out.settled = settled
	if out.processor, err = publisher.processorTime(); err != nil {
		return out, err
	}
	if out.rss, err = publisher.memory("VmRSS"); err != nil {
		return out, err
	}
	say("restarted: settled after %s; resting for %s", out.settled.Round(10*time.Millisecond), s.plan.rest)
	if err := wait(ctx, s.plan.rest); err != nil {
		return out, err
	}
	if out.rested, err = publisher.memory("VmRSS"); err != nil {
		return out, err
	}
	if out.anonymous, err = publisher.memory("RssAnon"); err != nil {
		return out, err
	}
	if out.peak, err = publisher.memory("VmHWM"); err != nil {
		return out, err
	}
	after, err := s.writes(ctx)
	out.writes = after - before
	say("restarted: %.0f writes of profiles, %.0f MiB, rested %.0f MiB, peak %.0f MiB", out.writes, out.rss, out.rested, out.peak)
	return out, err
}

// writes is how often a ClusterProfile was written, by any client.
func (s *stage) writes(ctx context.Context) (float64, error) {
	return s.requests(ctx, func(resource, verb string) bool {
		return resource == "clusterprofiles" && verb != "GET" && verb != "LIST" && verb != "WATCH"
	})
}
