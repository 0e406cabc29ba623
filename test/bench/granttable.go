// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"
)

// printGrants prints the results as a table in Markdown.
func printGrants(results []grantResult) {
	rows := []row[grantResult]{
		{"Grants", func(r grantResult) string { return fmt.Sprint(r.grants) }},
		{"Spokes that hang", func(r grantResult) string { return fmt.Sprint(r.away) }},
	}
	rows = append(rows, phaseRows("granted", func(r grantResult) phase { return r.granted })...)
	rows = append(rows, phaseRows("renewed", func(r grantResult) phase { return r.renewed })...)
	printRows(results, append(
		rows,
		row[grantResult]{
			"**at rest**: requests to the hub (goal 0 where no spoke hangs)",
			func(r grantResult) string { return fmt.Sprintf("**%.0f** in %s", r.granted.rest.hub, r.rest) },
		},
		row[grantResult]{"— requests to spokes", func(r grantResult) string { return fmt.Sprintf("%.0f", r.granted.rest.spokes) }},
		row[grantResult]{"— processor time", func(r grantResult) string { return seconds(r.granted.rest.processor) }},
		row[grantResult]{
			"**memory**, VmRSS after the rest",
			func(r grantResult) string { return fmt.Sprintf("**%.0f MiB**", r.granted.rested) },
		},
		row[grantResult]{"— at most, VmHWM", func(r grantResult) string {
			return fmt.Sprintf("%.0f MiB", max(r.granted.peak, r.renewed.peak))
		}},
	))
}

// phaseRows are those of one phase: all grants of spokes that answer are granted, or renewed.
func phaseRows(done string, of func(grantResult) phase) []row[grantResult] {
	each := func(figure func(usage) float64) func(grantResult) string {
		return func(r grantResult) string {
			return fmt.Sprintf("%.1f", figure(of(r).used)/float64(of(r).grants))
		}
	}
	return []row[grantResult]{
		{fmt.Sprintf("**all %s**, but for spokes that hang", done), func(r grantResult) string {
			if took := of(r).took; took >= 2*time.Minute {
				return fmt.Sprintf("**%.1f min**", took.Minutes())
			}
			return fmt.Sprintf("**%s**", seconds(of(r).took))
		}},
		{fmt.Sprintf("— %s a second", done), func(r grantResult) string { return fmt.Sprintf("%.1f", of(r).rate()) }},
		{"— a tenth hanging / none hanging, of that rate", func(r grantResult) string {
			if r.undisturbed == nil {
				return ""
			}
			return fmt.Sprintf("%.2f", of(r).rate()/of(*r.undisturbed).rate())
		}},
		{"— requests to the hub, for each", each(func(u usage) float64 { return u.hub })},
		{"— requests to spokes, for each", each(func(u usage) float64 { return u.spokes })},
		{"— connections to spokes, for each", each(func(u usage) float64 { return u.connections })},
		{"— processor time, for each", func(r grantResult) string {
			return milliseconds(of(r).used.processor / time.Duration(of(r).grants))
		}},
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
