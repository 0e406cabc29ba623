// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// breadthResult is what is measured on a hub of one shape.
type breadthResult struct {
	shape              shape
	clusters, profiles int
	first              first
	restart            restart
	edits              edits
}

// compareShapes measures the publisher with one number of Clusters on a hub of each shape.
func (p plan) compareShapes(ctx context.Context, size int) ([]breadthResult, error) {
	var out []breadthResult
	for _, shape := range shapes {
		column, err := p.measureShape(ctx, size, shape)
		if err != nil {
			return out, fmt.Errorf("%s: %w", shape.name, err)
		}
		out = append(out, column)
	}
	return out, nil
}

func (p plan) measureShape(ctx context.Context, size int, shape shape) (out breadthResult, err error) {
	say("%s", shape.name)
	stage, err := open(ctx, p, size, shape)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	out = breadthResult{shape: shape, clusters: size, profiles: stage.profiles()}
	if out.first, err = stage.first(ctx); err != nil {
		return out, fmt.Errorf("publishing for the first time: %w", err)
	}
	if out.restart, err = stage.restart(ctx); err != nil {
		return out, fmt.Errorf("restarting: %w", err)
	}
	if out.edits, err = stage.edit(ctx); err != nil {
		return out, fmt.Errorf("editing an Inventory: %w", err)
	}
	return out, nil
}

// printBreadth prints the results as a table in Markdown.
func printBreadth(results []breadthResult) {
	printRows(results, []row[breadthResult]{
		{"Hub", func(r breadthResult) string { return r.shape.name }},
		{"Clusters", func(r breadthResult) string { return fmt.Sprint(r.clusters) }},
		{"Profiles", func(r breadthResult) string { return fmt.Sprint(r.profiles) }},
		{"**first publication** of all, from the start of the publisher", func(r breadthResult) string {
			return fmt.Sprintf("**%s**", seconds(r.first.took))
		}},
		{"— requests that write, for each profile", func(r breadthResult) string { return fmt.Sprintf("%.2f", r.first.requests) }},
		{"— processor time for each profile", func(r breadthResult) string {
			return milliseconds(r.first.processor / time.Duration(r.profiles))
		}},
		{"**writes after a restart** (goal 0)", func(r breadthResult) string { return fmt.Sprintf("**%.0f**", r.restart.writes) }},
		{"— processor time for each profile", func(r breadthResult) string {
			return milliseconds(r.restart.processor / time.Duration(r.profiles))
		}},
		{"**memory settled**, VmRSS after a rest", func(r breadthResult) string { return fmt.Sprintf("**%.0f MiB**", r.restart.rested) }},
		{"— at most, VmHWM", func(r breadthResult) string {
			return fmt.Sprintf("%.0f MiB", max(r.restart.peak, r.first.peak))
		}},
		{
			fmt.Sprintf("**%d edits of an Inventory** in as many seconds: statuses written for each Cluster", editCount),
			func(r breadthResult) string {
				return fmt.Sprintf("**%.1f**", r.edits.writes/float64(r.clusters))
			},
		},
		{"— processor time for each of those", func(r breadthResult) string {
			return milliseconds(time.Duration(float64(r.edits.processor) / max(r.edits.writes, 1)))
		}},
		{"— all as the last one says, after", func(r breadthResult) string { return seconds(r.edits.after) }},
	})
}
