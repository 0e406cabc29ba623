// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command bench is `make bench`: what the publisher, the broker and the consumer cost, as a table each, on a real etcd and
// kube-apiserver.
//
// Absolute numbers say more of the machine than of the publisher, and a machine is never quiet. So the rate is measured in
// rounds, one after the other: raw is a plain loop of the same concurrency that sends the very requests of the publisher for
// the same Clusters, byte for byte but for the namespace, and decides nothing; the same beside a client that watches, because
// nobody publishes from a cache without one; and the publisher. The median of the rounds' ratios is what remains when the
// noise is taken out. Time is counted in round trips of the same run.
//
// The publisher is the binary that users run, in a process of its own, so that its memory is its own too. Cluster API does
// not run: its objects are made once, of the size they really have (clusters.go), and rest.
//
// The publisher is measured once more on hubs that have more of one thing (shape.go): whether its costs grow with that, and no faster.
//
// The broker works on spokes in memory (test/spokes), each of which speaks as much of the Kubernetes API as it needs. What it costs is
// counted in requests, and its time compared with that of the same with a tenth of the spokes hanging. So does the consumer, which
// runs upstream's plugin: what a probe costs, and how soon the end and the return of a spoke are reported, while others hang.
//
// It is not a test: nothing fails for being slow.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	plan, err := parse(args)
	if err != nil {
		return err
	}
	ctrl.SetLogger(logr.Discard())
	return errors.Join(
		each(ctx, "Clusters", plan.clusters, plan.measureClusters, printTable),
		each(ctx, "Clusters on hubs of other shapes", plan.shapes, plan.compareShapes, printBreadth),
		each(ctx, "Clusters at once", plan.once, plan.publishOnce, printOnce),
		each(ctx, "grants", plan.grants, plan.compareGrants, printGrants),
		each(ctx, "spokes", plan.spokes, plan.compareChecks, printChecks),
	)
}

// each measures with one number after the other, and prints the columns as one table. measure returns no column that
// cannot be printed.
func each[T any](
	ctx context.Context, what string, sizes []int, measure func(context.Context, int) ([]T, error), print func([]T),
) error {
	var all []T
	var failed error
	for _, size := range sizes {
		if failed = ctx.Err(); failed != nil {
			break
		}
		columns, err := measure(ctx, size)
		all = append(all, columns...)
		if err != nil {
			failed = fmt.Errorf("with %d %s: %w", size, what, err)
			break
		}
	}
	if len(all) > 0 {
		print(all)
	}
	return failed
}

// measureClusters runs the part of the publisher with one number of Clusters, on a hub of its own.
func (p plan) measureClusters(ctx context.Context, size int) ([]result, error) {
	column, err := p.measure(ctx, size)
	if err != nil {
		return nil, err
	}
	return []result{column}, nil
}

func (p plan) measure(ctx context.Context, size int) (out result, err error) {
	stage, err := open(ctx, p, size, shape{})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	out = result{clusters: size}
	if out.rounds, err = stage.race(ctx); err != nil {
		return out, fmt.Errorf("racing: %w", err)
	}
	if out.first, err = stage.first(ctx); err != nil {
		return out, fmt.Errorf("publishing for the first time: %w", err)
	}
	if out.restart, err = stage.restart(ctx); err != nil {
		return out, fmt.Errorf("restarting: %w", err)
	}
	if out.busy, err = stage.busy(ctx); err != nil {
		return out, fmt.Errorf("beside others: %w", err)
	}
	if out.atRest, out.inPass, err = stage.change(ctx); err != nil {
		return out, fmt.Errorf("changing endpoints: %w", err)
	}
	return out, nil
}

// say prints the progress.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
