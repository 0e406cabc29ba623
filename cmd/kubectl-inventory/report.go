// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// maxValue is the maximal length of a printed value in characters; -o wide and -o json print all of it.
const maxValue = 60

// printReport prints an explanation as text and tables.
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
	// The table that follows reports the error of the stream.
	_, _ = fmt.Fprintln(e.Out, printers.Printable(fmt.Sprintf(format, args...)))
}

func (e *explainer) printPlacements(placements []explain.Placement) error {
	tones := map[explain.State]printers.Tone{
		explain.Published:      printers.Good,
		explain.Pending:        printers.Doubtful,
		explain.Withdrawing:    printers.Doubtful,
		explain.ClaimedByOther: printers.Doubtful,
		explain.Unknown:        printers.Doubtful,
		explain.Blocked:        printers.Bad,
		explain.Broken:         printers.Bad,
	}
	table := e.table(&e.outputFlags, "INVENTORY", "STATE", "PROFILE", "WHY")
	for _, p := range placements {
		table.Add(printers.Text(p.Inventory), printers.Cell{Text: string(p.State), Tone: tones[p.State]},
			printers.Text(p.Profile), printers.Text(p.Why))
	}
	return table.Flush()
}

func (e *explainer) printProfile(p *explain.Profile) error {
	e.heading("")
	e.heading("ClusterProfile %s/%s of the cluster manager %s", p.Namespace, p.Name, p.Manager)
	if p.Note != "" {
		e.heading("%s", p.Note)
	}
	if p.Reachable != "" {
		e.heading("Reachable: %s", p.Reachable)
	} else {
		e.heading("Reachable: no consumer has checked; see: kubectl inventory check")
	}
	e.heading("")
	fields := e.table(&e.outputFlags, "FIELD", "VALUE", "SOURCE", "OWNERS")
	for _, f := range p.Fields {
		fields.Add(printers.Text(f.Path), printers.Text(e.truncated(f.Value)), printers.Text(f.Source),
			printers.Text(strings.Join(f.Owners, ",")))
	}
	if err := fields.Flush(); err != nil {
		return err
	}
	if err := e.printAccess(p.Access); err != nil {
		return err
	}
	if len(p.LeftOut) > 0 {
		e.heading("")
		e.heading("Not published, or only in part:")
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

func (e *explainer) printAccess(access []explain.Access) error {
	if len(access) == 0 {
		return nil
	}
	e.heading("")
	e.heading("Access by ServiceAccounts of the spoke:")
	table := e.table(&e.outputFlags, "PROVIDER", "GRANT", "USER", "ROLES", "EXPIRES", "READY", "AWAITED")
	for _, a := range access {
		table.Add(printers.Text(a.Provider), printers.Text(a.Grant), printers.Text(a.User), printers.Text(a.Roles),
			printers.Text(a.Expires), printers.Text(a.Ready), printers.Text(a.Awaited))
	}
	return table.Flush()
}

func (e *explainer) printConsumers(p *explain.Profile) error {
	e.heading("")
	if len(p.Consumers) == 0 {
		e.heading("All known consumers accept it.")
		return nil
	}
	e.heading("Consumers that do not fully accept it:")
	table := e.table(&e.outputFlags, "CONSUMER", "ACCEPTS", "WHAT", "REMEDY")
	for _, finding := range p.Consumers {
		for _, breach := range finding.Breaches {
			table.Add(printers.Text(string(finding.Consumer)), verdictCell(breach.Verdict),
				printers.Text(breach.What), printers.Text(breach.Remedy))
		}
	}
	return table.Flush()
}

// truncated returns a value as far as a table shows it.
func (f *outputFlags) truncated(value string) string {
	if characters := []rune(value); f.format != outputWide && len(characters) > maxValue {
		return string(characters[:maxValue-1]) + "…"
	}
	return value
}

// printNames prints the names of the profiles of an explanation.
func (e *explainer) printNames(report explain.Report) error {
	profiles := make([]inventoryv1alpha1.ClusterProfile, len(report.Profiles))
	for i := range profiles {
		profiles[i].Namespace, profiles[i].Name = report.Profiles[i].Namespace, report.Profiles[i].Name
	}
	return e.printProfiles(&e.outputFlags, profiles)
}
