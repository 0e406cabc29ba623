// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/capi-inventory/capi-inventory/internal/explain"
	"github.com/capi-inventory/capi-inventory/internal/terminal"
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
	_, _ = fmt.Fprintln(e.Out, terminal.Printable(fmt.Sprintf(format, args...)))
}

func (e *explainer) printPlacements(placements []explain.Placement) error {
	tones := map[explain.State]terminal.Tone{
		explain.Published: terminal.Good, explain.Pending: terminal.Doubtful, explain.Withdrawing: terminal.Doubtful, explain.ClaimedByOther: terminal.Doubtful,
		explain.Blocked: terminal.Bad, explain.Broken: terminal.Bad,
		explain.Unknown: terminal.Doubtful,
	}
	table := e.table(&e.outputFlags, "INVENTORY", "STATE", "PROFILE", "WHY")
	for _, p := range placements {
		table.Add(terminal.Text(p.Inventory), terminal.Cell{Text: string(p.State), Tone: tones[p.State]}, terminal.Text(p.Profile), terminal.Text(p.Why))
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
		fields.Add(terminal.Text(f.Path), terminal.Text(e.shortened(f.Value)), terminal.Text(f.Source), terminal.Text(strings.Join(f.Owners, ",")))
	}
	if err := fields.Flush(); err != nil {
		return err
	}
	if len(p.LeftOut) > 0 {
		e.heading("")
		e.heading("Left out, or not in full:")
		problems := e.table(&e.outputFlags, "REASON", "MESSAGE")
		for _, problem := range p.LeftOut {
			problems.Add(terminal.Text(problem.Reason), terminal.Text(problem.Message))
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
			table.Add(terminal.Text(string(finding.Consumer)), verdictCell(breach.Verdict), terminal.Text(breach.What), terminal.Text(breach.Remedy))
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
