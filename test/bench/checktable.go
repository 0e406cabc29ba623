// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"
)

// printChecks prints the results as a table in Markdown.
func printChecks(results []checkResult) {
	rows := []row[checkResult]{
		{"Spokes", func(r checkResult) string { return fmt.Sprint(r.spokes) }},
		{"— of them hang from the beginning", func(r checkResult) string { return fmt.Sprint(r.hanging) }},
		{"**all checked**, from the start of the consumer", func(r checkResult) string { return fmt.Sprintf("**%s**", seconds(r.took)) }},
		{
			"— processor time for each, of the consumer",
			func(r checkResult) string { return milliseconds(r.used.processor / time.Duration(r.spokes)) },
		},
		{
			"— processor time for each, of the plugin",
			func(r checkResult) string { return milliseconds(r.used.plugins / time.Duration(r.spokes)) },
		},
		{"— writes of SpokeChecks, for each", func(r checkResult) string { return fmt.Sprintf("%.2f", r.used.writes/float64(r.spokes)) }},
		{"**at rest**: probes a second, pings too", func(r checkResult) string {
			return fmt.Sprintf("**%.0f**", r.rest.probes/r.restTook.Seconds())
		}},
		{"— processor time for each, of the consumer", func(r checkResult) string {
			return milliseconds(time.Duration(float64(r.rest.processor) / r.rest.probes))
		}},
		{"— processor time altogether, of the consumer", func(r checkResult) string {
			return fmt.Sprintf("%.0f %%", 100*r.rest.processor.Seconds()/r.restTook.Seconds())
		}},
		{"— SpokeChecks written a second", func(r checkResult) string { return fmt.Sprintf("%.1f", r.rest.writes/r.restTook.Seconds()) }},
		{"— the oldest probe", func(r checkResult) string { return seconds(r.oldest) }},
	}
	rows = append(rows, reportRows("a spoke's end in its SpokeCheck", func(r checkResult) []time.Duration { return r.ends })...)
	rows = append(rows, reportRows("its return", func(r checkResult) []time.Duration { return r.returns })...)
	printRows(results, append(
		rows,
		row[checkResult]{"**memory**, VmRSS after the rest", func(r checkResult) string { return fmt.Sprintf("**%.0f MiB**", r.rested) }},
		row[checkResult]{"— at most till then, VmHWM", func(r checkResult) string { return fmt.Sprintf("%.0f MiB", r.peak) }},
	))
}

func reportRows(what string, of func(checkResult) []time.Duration) []row[checkResult] {
	return []row[checkResult]{
		{fmt.Sprintf("**%s**, median", what), func(r checkResult) string { return fmt.Sprintf("**%s**", seconds(median(of(r)))) }},
		{"— 95th and 99th percentile", func(r checkResult) string {
			return fmt.Sprintf("%s, %s", seconds(percentile(of(r), 95)), seconds(percentile(of(r), 99)))
		}},
	}
}
