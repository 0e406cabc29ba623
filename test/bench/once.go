// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// onceResult is the publication of so many Clusters that nothing can be measured twice.
type onceResult struct {
	clusters int
	first    first
	restart  restart
	// filled and published are the size of etcd's database before and after the publication, in MiB.
	filled, published float64
}

// publishOnce publishes Clusters for the first time, and restarts the publisher.
func (p plan) publishOnce(ctx context.Context, size int) (all []onceResult, err error) {
	stage, err := open(ctx, p, size, shape{withoutControlPlanes: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	out := onceResult{clusters: size}
	if out.filled, err = stage.stored(ctx); err != nil {
		return nil, err
	}
	if out.first, err = stage.first(ctx); err != nil {
		return nil, fmt.Errorf("publishing for the first time: %w", err)
	}
	if out.published, err = stage.stored(ctx); err != nil {
		return nil, err
	}
	// To fill a hub of 100,000 takes hours: what was measured is printed even if the rest fails.
	if out.restart, err = stage.restart(ctx); err != nil {
		err = fmt.Errorf("restarting: %w", err)
	}
	return []onceResult{out}, err
}

// printOnce prints the results as a table in Markdown.
func printOnce(results []onceResult) {
	printRows(results, []row[onceResult]{
		{"Clusters", func(r onceResult) string { return fmt.Sprint(r.clusters) }},
		{"**first publication** of all, from the start of the publisher", func(r onceResult) string {
			return fmt.Sprintf("**%.1f min**", r.first.took.Minutes())
		}},
		{"— requests that write, for each", func(r onceResult) string { return fmt.Sprintf("%.2f", r.first.requests) }},
		{"— processor time for each", func(r onceResult) string { return milliseconds(r.first.processor / time.Duration(r.clusters)) }},
		{"— memory at most, VmHWM", func(r onceResult) string { return fmt.Sprintf("%.0f MiB", r.first.peak) }},
		{"**etcd**, the size of its database before", func(r onceResult) string { return fmt.Sprintf("%.0f MiB", r.filled) }},
		{"— after", func(r onceResult) string { return fmt.Sprintf("%.0f MiB", r.published) }},
		{"**writes after a restart** (goal 0)", func(r onceResult) string { return fmt.Sprintf("**%.0f**", r.restart.writes) }},
		{"— from start to settled", func(r onceResult) string { return seconds(r.restart.settled) }},
		{"— processor time till then", func(r onceResult) string { return seconds(r.restart.processor) }},
		{"**memory settled**, VmRSS after a rest", func(r onceResult) string { return fmt.Sprintf("**%.0f MiB**", r.restart.rested) }},
		{"— at most, VmHWM", func(r onceResult) string { return fmt.Sprintf("%.0f MiB", r.restart.peak) }},
	})
}
