// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/spokes"
)

// checks is a stage with a published spoke for each Cluster.
type checks struct {
	*stage
	spokes *spokes.Server
	// hanging has the numbers of the spokes that hang.
	hanging sets.Set[int]
}

// checkResult is everything measured with one number of spokes, of which so many hang from the beginning.
type checkResult struct {
	spokes, hanging int
	// took is how long it was from the start of the consumer until each spoke had its SpokeCheck, and used what that needed.
	took time.Duration
	used checking
	// rest is what was used in a time in which nothing changed, and oldest the age of the oldest probe at its end.
	rest     checking
	restTook time.Duration
	oldest   time.Duration
	// ends and returns are the times from the end and the return of a spoke to the SpokeCheck that shows it.
	ends, returns []time.Duration
	// In MiB: after the rest, and at most.
	rested, peak float64
}

// checking is what a consumer uses.
type checking struct {
	// probes are those that have reached a spoke, and pings; writes are those of SpokeChecks.
	probes, writes     float64
	processor, plugins time.Duration
}

func (c checking) since(before checking) checking {
	return checking{
		probes:    c.probes - before.probes,
		writes:    c.writes - before.writes,
		processor: c.processor - before.processor,
		plugins:   c.plugins - before.plugins,
	}
}

// hangingPercents are the parts of the spokes that hang from the beginning: a column of the table each.
var hangingPercents = []int{0, 1, 10}

// compareChecks measures the consumer with one number of spokes, on one hub, with more and more of them hanging.
func (p plan) compareChecks(ctx context.Context, size int) (out []checkResult, err error) {
	c := &checks{stage: &stage{plan: p, size: size}}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	for _, percent := range hangingPercents {
		column, err := c.measure(ctx, size*percent/100)
		if err != nil {
			return out, fmt.Errorf("with %d %% hanging: %w", percent, err)
		}
		out = append(out, column)
	}
	return out, nil
}

func (c *checks) open(ctx context.Context) (err error) {
	if err := c.start(); err != nil {
		return err
	}
	if c.spokes, err = spokes.Start(c.size); err != nil {
		return err
	}
	if err := c.writeProviders(); err != nil {
		return err
	}
	if err := c.makeNamespace(ctx, fleet); err != nil {
		return err
	}
	if _, err := c.makeInventory(ctx, "default", v1alpha1.InventorySpec{}); err != nil {
		return err
	}
	admin := func(n int) (*rest.Config, error) { return c.spokes.Config(n), nil }
	if err := c.makeClusters(ctx, admin); err != nil {
		return err
	}
	publisher, err := c.run(c.plan.publisher, "--concurrency", strconv.Itoa(c.plan.concurrency))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	if _, err := publisher.settled(ctx, c.size); err != nil {
		return err
	}
	return c.verify(ctx)
}

// writeProviders writes the provider file of a consumer that uses upstream's plugin.
func (c *checks) writeProviders() error {
	plugin, err := filepath.Abs(c.plan.plugin)
	if err != nil {
		return fmt.Errorf("finding the plugin: %w", err)
	}
	content := fmt.Appendf(nil, `{"providers": [{"name": %q, "execConfig": {
		"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "provideClusterInfo": true}}]}`,
		v1alpha1.ProviderKubeconfigSecret, plugin)
	if err := os.WriteFile(c.providers(), content, 0o600); err != nil {
		return fmt.Errorf("writing the provider file: %w", err)
	}
	return nil
}

func (c *checks) providers() string { return filepath.Join(c.dir, "providers.json") }

// measure measures a consumer that finds no SpokeCheck, while so many spokes hang.
func (c *checks) measure(ctx context.Context, hanging int) (out checkResult, err error) {
	out = checkResult{spokes: c.size, hanging: hanging}
	if err := patiently(func() error {
		return c.client.DeleteAllOf(ctx, &v1alpha1.SpokeCheck{}, client.InNamespace(fleet))
	}); err != nil {
		return out, fmt.Errorf("removing SpokeChecks: %w", err)
	}
	c.hanging = sets.New[int]()
	c.hanging.Insert(c.choose(hanging)...)
	c.hang()
	before, err := c.traffic(ctx)
	if err != nil {
		return out, err
	}
	consumer, err := c.run(c.plan.consumer, append([]string{
		"--allow-local-servers", "--clusterprofile-provider-file", c.providers(),
	}, c.plan.flags...)...)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, consumer.stop()) }()
	if err := c.checked(ctx, consumer, hanging); err != nil {
		return out, err
	}
	out.took = time.Since(consumer.began)
	used, err := c.usage(ctx, consumer)
	if err != nil {
		return out, err
	}
	out.used = used.since(before)
	first, err := c.settle(ctx, consumer)
	if err != nil {
		return out, err
	}
	out.used.writes = first.writes - before.writes
	say("%d spokes checked in %s, %d of them hang; resting for %s", c.size, out.took.Round(100*time.Millisecond), hanging, c.plan.rest)
	if err := c.rest(ctx, consumer, first, &out); err != nil {
		return out, err
	}
	out.ends, out.returns, err = c.outage(ctx)
	return out, err
}

// rest measures what a consumer does while nothing changes.
func (c *checks) rest(ctx context.Context, consumer *process, first checking, out *checkResult) error {
	began := time.Now()
	if err := wait(ctx, c.plan.rest); err != nil {
		return err
	}
	after, err := c.usage(ctx, consumer)
	if err != nil {
		return err
	}
	out.rest, out.restTook = after.since(first), time.Since(began)
	oldest, err := consumer.count(ctx, "capi_inventory_consumer_oldest_probe_age_seconds")
	if err != nil {
		return err
	}
	out.oldest = time.Duration(oldest * float64(time.Second))
	if out.rested, err = consumer.memory("VmRSS"); err != nil {
		return err
	}
	out.peak, err = consumer.memory("VmHWM")
	return err
}

// usage returns what the consumer has used until now, and with it all consumers before of hub and spokes.
func (c *checks) usage(ctx context.Context, consumer *process) (checking, error) {
	u, err := c.traffic(ctx)
	if err != nil {
		return u, err
	}
	if u.processor, err = consumer.processorTime(); err != nil {
		return u, err
	}
	u.plugins, err = consumer.childrenTime()
	return u, err
}

// traffic returns what hub and spokes have seen of all consumers until now.
func (c *checks) traffic(ctx context.Context) (u checking, err error) {
	for n := range c.size {
		u.probes += float64(c.spokes.Requests(n)["get /readyz"])
	}
	u.writes, err = c.requests(ctx, func(resource, verb string) bool {
		return resource == "spokechecks" && (verb == "APPLY" || verb == "PATCH")
	})
	return u, err
}

// close ends the spokes and the hub.
func (c *checks) close() error {
	if c.spokes == nil {
		return c.stage.close()
	}
	return errors.Join(c.spokes.Close(), c.stage.close())
}
