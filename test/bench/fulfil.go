// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

var secretKind = corev1.SchemeGroupVersion.WithKind("Secret")

// phase is what a broker needed from its start until each of so many grants had a new token, and then at rest.
type phase struct {
	grants int
	took   time.Duration
	used   usage
	// rest is what it used while it rested.
	rest usage
	// In MiB: after the rest, and at most.
	rested, peak float64
}

// rate is how many grants had a new token a second.
func (p phase) rate() float64 { return float64(p.grants) / p.took.Seconds() }

// usage is what a broker uses.
type usage struct {
	// hub counts its requests to the hub, but for lists and watches, and spokes those to all spokes.
	hub, spokes, connections float64
	processor                time.Duration
}

func (u usage) since(before usage) usage {
	return usage{
		hub:         u.hub - before.hub,
		spokes:      u.spokes - before.spokes,
		connections: u.connections - before.connections,
		processor:   u.processor - before.processor,
	}
}

// fulfil runs a broker until so many grants have a token that is issued since, has it rest, and ends it.
func (g *grants) fulfil(ctx context.Context, want int, rest time.Duration) (out phase, err error) {
	before, err := g.traffic(ctx)
	if err != nil {
		return out, err
	}
	broker, err := g.run(g.plan.broker, append([]string{"--allow-local-servers"}, g.plan.flags...)...)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, broker.stop()) }()
	if err := g.issued(ctx, broker, want); err != nil {
		return out, err
	}
	out.grants, out.took = want, time.Since(broker.began)
	// Events are sent after what they report.
	if err := wait(ctx, 2*time.Second); err != nil {
		return out, err
	}
	done, err := g.usage(ctx, broker)
	if err != nil {
		return out, err
	}
	out.used = done.since(before)
	say("%d tokens issued in %s; resting for %s", want, out.took.Round(100*time.Millisecond), rest)
	if err := wait(ctx, rest); err != nil {
		return out, err
	}
	rested, err := g.usage(ctx, broker)
	if err != nil {
		return out, err
	}
	out.rest = rested.since(done)
	if out.rested, err = broker.memory("VmRSS"); err != nil {
		return out, err
	}
	out.peak, err = broker.memory("VmHWM")
	return out, err
}

// issued waits until so many grants are Ready with a token that is issued since the broker's start.
func (g *grants) issued(ctx context.Context, broker *process, want int) error {
	return g.await(ctx, broker, milestone{
		counter: "capi_inventory_broker_tokens_issued_total",
		grants:  want,
		passed: func(of v1alpha1.AccessGrant) bool {
			return meta.IsStatusConditionTrue(of.Status.Conditions, v1alpha1.ConditionReady) &&
				!of.Status.IssuedAt.Time.Before(broker.began.Truncate(time.Second))
		},
	})
}

// usage returns what the broker has used until now, and with it all brokers before of hub and spokes.
func (g *grants) usage(ctx context.Context, broker *process) (usage, error) {
	u, err := g.traffic(ctx)
	if err != nil {
		return u, err
	}
	u.processor, err = broker.processorTime()
	return u, err
}

// traffic returns what hub and spokes have seen of all brokers until now.
func (g *grants) traffic(ctx context.Context) (u usage, err error) {
	brokers := []string{"accessgrants", "clusterprofiles", "clusters", "events", "inventories", "namespaces", "secrets"}
	u.hub, err = g.requests(ctx, func(resource, verb string) bool {
		return slices.Contains(brokers, resource) && verb != "LIST" && verb != "WATCH"
	})
	for n := range g.size {
		for _, count := range g.spokes.Requests(n) {
			u.spokes += float64(count)
		}
	}
	u.connections = float64(g.spokes.Connections())
	return u, err
}
