// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// maxValue is how much of a value is printed, in characters: the rest is in -o json.
const maxValue = 60

// printReport prints an explanation as a text with tables.
func (e *explainer) printReport(report explain.Report) error {
	e.heading("%s %s", report.Kind, report.Name)
	for _, note := range report.Notes {
		e.heading("%s", note)
	}
	for _, what := range report.Unread {
		e.heading("You may not read %s.", what)
	}
	if len(report.Placements) > 0 {
		e.heading("")
		if err := e.printPlacements(report.Placements); err != nil {
			return err
		}
	}
	for i := range report.Profiles {
		if err := e.printProfile(&report.Profiles[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *explainer) heading(format string, args ...any) {
	// A table follows, and fails where this would.
	_, _ = fmt.Fprintln(e.Out, printers.Printable(fmt.Sprintf(format, args...)))
}

func (e *explainer) printPlacements(placements []explain.Placement) error {
	tones := map[explain.State]printers.Tone{
		explain.Published: printers.Good, explain.Pending: printers.Doubtful, explain.Withdrawing: printers.Doubtful, explain.ClaimedByOther: printers.Doubtful,
		explain.Blocked: printers.Bad, explain.Broken: printers.Bad,
		explain.Unknown: printers.Doubtful,
	}
	table := e.table(&e.outputFlags, "INVENTORY", "STATE", "PROFILE", "WHY")
	for _, p := range placements {
		table.Add(printers.Text(p.Inventory), printers.Cell{Text: string(p.State), Tone: tones[p.State]}, printers.Text(p.Profile), printers.Text(p.Why))
	}
	return table.Flush()
}

func (e *explainer) printProfile(p *explain.Profile) error {
	e.heading("")
	e.heading("ClusterProfile %s/%s, by the cluster manager %s", p.Namespace, p.Name, p.Manager)
	if p.Reachable != "" {
		e.heading("Reachable: %s", p.Reachable)
	} else {
		e.heading("Reachable: no consumer has checked; see: kubectl inventory check")
	}
	e.heading("")
	fields := e.table(&e.outputFlags, "FIELD", "VALUE", "SOURCE", "OWNERS")
	for _, f := range p.Fields {
		fields.Add(printers.Text(f.Path), printers.Text(e.shortened(f.Value)), printers.Text(f.Source), printers.Text(strings.Join(f.Owners, ",")))
	}
	if err := fields.Flush(); err != nil {
		return err
	}
	if len(p.LeftOut) > 0 {
		e.heading("")
		e.heading("Left out, or not in full:")
		problems := e.table(&e.outputFlags, "REASON", "MESSAGE")
		for _, problem := range p.LeftOut {
			problems.Add(printers.Text(problem.Reason), printers.Text(problem.Message))
		}
		if err := problems.Flush(); err != nil {
			return err
		}
	}
	return e.printConsumers(p)
}

func (e *explainer) printConsumers(p *explain.Profile) error {
	e.heading("")
	if len(p.Consumers) == 0 {
		e.heading("Every known consumer accepts it.")
		return nil
	}
	e.heading("Consumers that do not accept it as it is:")
	table := e.table(&e.outputFlags, "CONSUMER", "ACCEPTS", "WHAT", "REMEDY")
	for _, finding := range p.Consumers {
		for _, breach := range finding.Breaches {
			table.Add(printers.Text(string(finding.Consumer)), verdictCell(breach.Verdict), printers.Text(breach.What), printers.Text(breach.Remedy))
		}
	}
	return table.Flush()
}

func (e *explainer) shortened(value string) string {
	if characters := []rune(value); e.format != outputWide && len(characters) > maxValue {
		return string(characters[:maxValue-1]) + "…"
	}
	return value
}

// printName prints the profiles that stand for what was explained.
func (e *explainer) printName(report explain.Report) error {
	for i := range report.Profiles {
		if _, err := fmt.Fprintf(e.Out, "clusterprofile.multicluster.x-k8s.io/%s\n", report.Profiles[i].Name); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
	}
	return nil
}
