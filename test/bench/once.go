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
	// restart is nil if it has failed.
	restart *restart
	// filled and published are the size of etcd's database before and after the publication, in MiB.
	filled, published float64
}

// publishOnce publishes Clusters for the first time, and restarts the publisher.
func (p plan) publishOnce(ctx context.Context, size int) (all []onceResult, err error) {
	stage, err := open(ctx, p, size, shape{withoutControlPlanes: true, withoutOldVersions: true, withoutCacheChecks: true})
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
	// To publish 100,000 takes long: what was measured is printed even if the rest fails.
	again, err := stage.restart(ctx)
	if err != nil {
		return []onceResult{out}, fmt.Errorf("restarting: %w", err)
	}
	out.restart = &again
	return []onceResult{out}, nil
}

// ofRestart returns the cell of a row about the restart, empty if it has failed.
func ofRestart(cell func(*restart) string) func(onceResult) string {
	return func(r onceResult) string {
		if r.restart == nil {
			return ""
		}
		return cell(r.restart)
	}
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
		{"**writes after a restart** (goal 0)", ofRestart(func(r *restart) string { return fmt.Sprintf("**%.0f**", r.writes) })},
		{"— from start to settled", ofRestart(func(r *restart) string { return seconds(r.settled) })},
		{"— processor time till then", ofRestart(func(r *restart) string { return seconds(r.processor) })},
		{"**memory settled**, VmRSS after a rest", ofRestart(func(r *restart) string { return fmt.Sprintf("**%.0f MiB**", r.rested) })},
		{
			"— of that without the pages of its file, RssAnon",
			ofRestart(func(r *restart) string { return fmt.Sprintf("%.0f MiB", r.anonymous) }),
		},
		{"— at most, VmHWM", ofRestart(func(r *restart) string { return fmt.Sprintf("%.0f MiB", r.peak) })},
	})
}
