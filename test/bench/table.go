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
	clusters       int
	rounds         []round
	first          first
	restart        restart
	busy           busy
	atRest, inPass changes
}

// printTable prints the results as a table in Markdown.
func printTable(results []result) {
	rows := []row[result]{{"Clusters", func(r result) string { return fmt.Sprint(r.clusters) }}}
	rows = append(rows, raceRows...)
	rows = append(rows, firstRows...)
	rows = append(rows, restartRows...)
	rows = append(rows, busyRows...)
	rows = append(rows, changeRows("a changed endpoint in its profile", func(r result) changes { return r.atRest })...)
	rows = append(rows, changeRows("the same in a full pass", func(r result) changes { return r.inPass })...)
	printRows(results, append(rows, row[result]{
		"— round trips more than at rest, 99th percentile (goal ≤ 3)",
		func(r result) string { return fmt.Sprintf("%.1f", r.inPass.inTrips(99)-r.atRest.inTrips(99)) },
	}))
}

var raceRows = []row[result]{
	{
		"**publisher / raw**, median of the rounds (goal ≥ 0.95)",
		func(r result) string { return fmt.Sprintf("**%.2f**", median(r.each(round.ratio))) },
	},
	{"— each round", func(r result) string { return ratios(r.each(round.ratio)) }},
	{
		"**publisher / raw beside a watch**, median",
		func(r result) string { return fmt.Sprintf("**%.2f**", median(r.each(round.watchedRatio))) },
	},
	{"— each round", func(r result) string { return ratios(r.each(round.watchedRatio)) }},
	{"— raw, profiles a second", func(r result) string {
		return fmt.Sprintf("%.0f", median(r.each(func(r round) float64 { return r.rate(r.raw) })))
	}},
	{"— raw beside a watch", func(r result) string {
		return fmt.Sprintf("%.0f", median(r.each(func(r round) float64 { return r.rate(r.watched) })))
	}},
	{"— publisher", func(r result) string {
		return fmt.Sprintf("%.0f", median(r.each(func(r round) float64 { return r.rate(r.publisher) })))
	}},
	{"— publisher's processor time for a profile", func(r result) string {
		return fmt.Sprintf("%.2f ms", median(r.each(func(r round) float64 { return r.processor.Seconds() * 1000 / float64(r.clusters) })))
	}},
}

var firstRows = []row[result]{
	{"**first publication** of all, from the start of the publisher", func(r result) string {
		return fmt.Sprintf("**%s**", seconds(r.first.took))
	}},
	{"— of raw's rate (goal ≥ 0.95)", func(r result) string {
		raw := median(r.each(func(r round) float64 { return r.raw.Seconds() }))
		return fmt.Sprintf("%.2f", raw/r.first.took.Seconds())
	}},
	{"— requests that write, for each", func(r result) string { return fmt.Sprintf("%.2f", r.first.requests) }},
	{"— processor time", func(r result) string { return seconds(r.first.processor) }},
	{"— memory at most, VmHWM (goal ≤ 160 MiB at 10,000)", func(r result) string { return fmt.Sprintf("%.0f MiB", r.first.peak) }},
}

var restartRows = []row[result]{
	{"**writes after a restart** (goal 0)", func(r result) string { return fmt.Sprintf("**%.0f**", r.restart.writes) }},
	{"— from start to settled", func(r result) string { return seconds(r.restart.settled) }},
	{"— processor time till then", func(r result) string { return seconds(r.restart.processor) }},
	{
		"**memory settled**, VmRSS after a rest (goal < 120 MiB at 10,000)",
		func(r result) string { return fmt.Sprintf("**%.0f MiB**", r.restart.rested) },
	},
	{"— of that without the pages of its file, RssAnon", func(r result) string { return fmt.Sprintf("%.0f MiB", r.restart.anonymous) }},
	{"— at once when settled", func(r result) string { return fmt.Sprintf("%.0f MiB", r.restart.rss) }},
	{"— at most, VmHWM (goal ≤ 160 MiB at 10,000)", func(r result) string { return fmt.Sprintf("%.0f MiB", r.restart.peak) }},
}

var busyRows = []row[result]{
	{"**writes while others write** what it watches (goal 0)", func(r result) string { return fmt.Sprintf("**%.0f**", r.busy.writes) }},
	{"— writes of the others", func(r result) string {
		return fmt.Sprintf("%.0f in %s", r.busy.others, r.busy.took.Round(time.Second))
	}},
	{"— processor time for each of those", func(r result) string {
		return fmt.Sprintf("%.2f ms", r.busy.processor.Seconds()*1000/max(r.busy.others, 1))
	}},
}

func changeRows(what string, of func(result) changes) []row[result] {
	return []row[result]{
		{fmt.Sprintf("**%s**, median, in round trips", what), func(r result) string { return fmt.Sprintf("**%.1f**", of(r).inTrips(50)) }},
		{"— 95th and 99th percentile, in round trips", func(r result) string {
			return fmt.Sprintf("%.1f, %.1f", of(r).inTrips(95), of(r).inTrips(99))
		}},
		{"— median, 95th and 99th percentile", func(r result) string {
			took := of(r).took
			return fmt.Sprintf(
				"%s, %s, %s",
				milliseconds(median(took)),
				milliseconds(percentile(took, 95)),
				milliseconds(percentile(took, 99)),
			)
		}},
		{"— a round trip (GET of a profile)", func(r result) string { return milliseconds(median(of(r).trips)) }},
	}
}

func ratios(of []float64) string {
	each := make([]string, 0, len(of))
	for _, ratio := range of {
		each = append(each, fmt.Sprintf("%.2f", ratio))
	}
	return strings.Join(each, " ")
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

func (r result) each(figure func(round) float64) []float64 {
	figures := make([]float64, 0, len(r.rounds))
	for _, p := range r.rounds {
		figures = append(figures, figure(p))
	}
	return figures
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

func median[T cmp.Ordered](values []T) T { return percentile(values, 50) }

// percentile is the smallest value that at least so many percent of the values do not exceed.
func percentile[T cmp.Ordered](values []T, percent int) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}
