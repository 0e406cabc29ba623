// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command bench is `make bench`: what the publisher costs, as one table, on a real etcd and kube-apiserver.
//
// Absolute numbers say more of the machine than of the publisher, and a machine is never quiet. So the rate is measured in
// pairs, side by side: raw is a plain loop of the same concurrency that sends the very requests of the publisher for the
// same Clusters, byte for byte but for the namespace, and decides nothing; the median of the pairs' ratios is what remains
// when the noise is taken out. Time is counted in round trips of the same run.
//
// The publisher is the binary that users run, in a process of its own, so that its memory is its own too. Cluster API does
// not run: its objects are made once, of the size they really have (clusters.go), and rest.
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// plan is what to measure.
type plan struct {
	sizes       []int
	rounds      int
	concurrency int
	changes     int
	rest        time.Duration
	publisher   string
	flags       []string
}

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
	var columns []result
	for _, size := range plan.sizes {
		column, err := plan.measure(ctx, size)
		if err != nil {
			return fmt.Errorf("with %d Clusters: %w", size, err)
		}
		columns = append(columns, column)
	}
	printTable(columns)
	return nil
}

func parse(args []string) (plan, error) {
	p := plan{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	sizes := flags.String("clusters", "1000,10000", "How many Clusters, once for each number.")
	flags.IntVar(&p.rounds, "rounds", 5, "How many pairs of raw and publisher share the Clusters.")
	flags.IntVar(&p.concurrency, "concurrency", 10, "How many requests at a time, of raw and of the publisher.")
	flags.IntVar(&p.changes, "changes", 50, "How many endpoints to change, one after the other.")
	flags.DurationVar(
		&p.rest,
		"rest",
		70*time.Second,
		"How long the settled publisher rests before its memory is read; it gives memory back once a minute.",
	)
	flags.StringVar(&p.publisher, "publisher", "bin/publisher", "The publisher's binary; arguments after -- are flags for it.")
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	p.flags = flags.Args()
	for _, size := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < p.rounds {
			return p, fmt.Errorf("-clusters: %q is not a number of at least -rounds", size)
		}
		p.sizes = append(p.sizes, n)
	}
	if p.rounds < 1 || p.concurrency < 1 || p.changes < 1 {
		return p, errors.New("-rounds, -concurrency and -changes: must be at least 1")
	}
	return p, nil
}

// measure runs everything with one number of Clusters, on a hub of its own.
func (p plan) measure(ctx context.Context, size int) (out result, err error) {
	stage, err := open(ctx, p, size)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	out = result{clusters: size, sizes: stage.sizes}
	if out.pairs, err = stage.race(ctx); err != nil {
		return out, err
	}
	if out.restart, err = stage.restart(ctx); err != nil {
		return out, err
	}
	if out.changes, err = stage.change(ctx); err != nil {
		return out, err
	}
	return out, nil
}

// say prints the progress.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
