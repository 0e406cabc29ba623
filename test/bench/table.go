// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// result is everything measured with one number of Clusters: a column of the table.
type result struct {
	clusters int
	sizes    sizes
	pairs    []pair
	restart  restart
	changes  changes
}

// printTable prints the results as a table in Markdown.
func printTable(results []result) {
	printRows(results, []row[result]{
		{"Clusters", func(r result) string { return fmt.Sprint(r.clusters) }},
		{
			"**publisher / raw**, median of the pairs (goal ≥ 0.9)",
			func(r result) string { return fmt.Sprintf("**%.2f**", median(r.each(pair.ratio))) },
		},
		{"— each pair", func(r result) string {
			each := make([]string, 0, len(r.pairs))
			for _, ratio := range r.each(pair.ratio) {
				each = append(each, fmt.Sprintf("%.2f", ratio))
			}
			return strings.Join(each, " ")
		}},
		{"— raw, profiles a second", func(r result) string {
			return fmt.Sprintf("%.0f", median(r.each(func(p pair) float64 { return float64(p.clusters) / p.raw.Seconds() })))
		}},
		{"— publisher, profiles a second", func(r result) string {
			return fmt.Sprintf("%.0f", median(r.each(func(p pair) float64 { return float64(p.clusters) / p.publisher.Seconds() })))
		}},
		{"— publisher's processor time for a profile", func(r result) string {
			return fmt.Sprintf(
				"%.2f ms",
				median(r.each(func(p pair) float64 { return p.processor.Seconds() * 1000 / float64(p.clusters) })),
			)
		}},
		{"**writes after a restart** (goal 0)", func(r result) string { return fmt.Sprintf("**%.0f**", r.restart.writes) }},
		{"— from start to settled", func(r result) string { return fmt.Sprintf("%.1f s", r.restart.settled.Seconds()) }},
		{"— processor time till then", func(r result) string { return fmt.Sprintf("%.1f s", r.restart.processor.Seconds()) }},
		{
			"**memory settled**, VmRSS after a rest (goal < 150 MiB at 10,000)",
			func(r result) string { return fmt.Sprintf("**%.0f MiB**", r.restart.rested) },
		},
		{"— at once when settled", func(r result) string { return fmt.Sprintf("%.0f MiB", r.restart.rss) }},
		{"— at most, VmHWM", func(r result) string { return fmt.Sprintf("%.0f MiB", r.restart.peak) }},
		{"**a changed endpoint in its profile**, median, in round trips", func(r result) string {
			return fmt.Sprintf("**%.1f**", r.trips(median(r.changes.took)))
		}},
		{
			"— 95th percentile, in round trips",
			func(r result) string { return fmt.Sprintf("%.1f", r.trips(percentile(r.changes.took, 95))) },
		},
		{"— median and 95th percentile", func(r result) string {
			return fmt.Sprintf("%s, %s", milliseconds(median(r.changes.took)), milliseconds(percentile(r.changes.took, 95)))
		}},
		{"— a round trip (GET of a profile)", func(r result) string { return milliseconds(median(r.changes.trips)) }},
	})
}

// row is a row of a table of results.
type row[T any] struct {
	name string
	cell func(T) string
}

// printRows prints a table in Markdown, with a column for each result. The first row is the head.
func printRows[T any](results []T, rows []row[T]) {
	if len(results) == 0 {
		return
	}
	for i, row := range rows {
		fmt.Printf("| %s |", row.name)
		for _, r := range results {
			fmt.Printf(" %s |", row.cell(r))
		}
		fmt.Println()
		if i == 0 {
			fmt.Println("|---|" + strings.Repeat("---:|", len(results)))
		}
	}
}

func (r result) each(figure func(pair) float64) []float64 {
	figures := make([]float64, 0, len(r.pairs))
	for _, p := range r.pairs {
		figures = append(figures, figure(p))
	}
	return figures
}

func (r result) trips(took time.Duration) float64 {
	return took.Seconds() / median(r.changes.trips).Seconds()
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

func median[T cmp.Ordered](values []T) T { return percentile(values, 50) }

// percentile is the smallest value that at least so many percent of the values do not exceed.
func percentile[T cmp.Ordered](values []T, percent int) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}
