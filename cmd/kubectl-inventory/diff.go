// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/diff"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

type differ struct {
	*options
	inventoryFiles
	outputFlags
}

func newDiff(o *options) *cobra.Command {
	d := &differ{options: o}
	cmd := &cobra.Command{
		Use:   "diff -f FILE",
		Short: "Show what an edit of Inventories would publish, withdraw, rename or change",
		Long: "Show what the Inventories in files would publish, withdraw, rename or change, if they replaced those of the hub: counts, and " +
			"then each profile. Inventories that are not in the files stay as they are.\n\n" +
			"Nothing is written, not even as a dry run. Required are the rights to list Inventories, Clusters, Namespaces and " +
			"ClusterProfiles of the whole hub.\n\n" +
			"The exit code is 1 if profiles would be deleted (withdrawn or renamed), or if the edit cannot be carried out for a Cluster.",
		Example: "  kubectl inventory diff -f inventory.yaml\n" +
			"  kustomize build hub/ | kubectl inventory diff -f - && kustomize build hub/ | kubectl apply -f -",
		Args:              noArguments("files go after -f"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              d.run,
	}
	d.inventoryFiles.add(cmd)
	d.outputFlags.add(cmd)
	return cmd
}

func (d *differ) run(cmd *cobra.Command, _ []string) error {
	if err := d.validate(); err != nil {
		return err
	}
	manifests, err := d.manifests(cmd.Context(), d.In)
	if err != nil {
		return err
	}
	report, err := d.diff(cmd.Context(), manifests)
	if err != nil {
		return err
	}
	if err := d.print(report); err != nil {
		return err
	}
	if report.Stops() {
		return errUnsatisfied
	}
	return nil
}

// diff compares the manifests with the hub.
func (d *differ) diff(ctx context.Context, manifests []manifest) (diff.Report, error) {
	hub, err := d.hub()
	if err != nil {
		return diff.Report{}, err
	}
	live, err := readInventories(ctx, hub)
	if err != nil {
		return diff.Report{}, err
	}
	edited, err := admit(ctx, manifests, live)
	if err != nil {
		return diff.Report{}, err
	}
	// The clock of the hub decides which Inventory is older: a new one is younger than all others.
	now := d.now()
	for i := range live {
		if created := live[i].CreationTimestamp.Time; !created.Before(now) {
			now = created.Add(1)
		}
	}
	edit, err := diff.Compile(live, edited, now)
	if err != nil {
		return diff.Report{}, err
	}
	facts, err := readHub(ctx, hub, edit)
	if err != nil {
		return diff.Report{}, err
	}
	facts.Now = now
	return edit.Diff(facts)
}

func (d *differ) print(report diff.Report) error {
	switch {
	case d.isTable():
		return d.printTables(report)
	case d.format == outputName:
		return d.printProfiles(&d.outputFlags, deletedProfiles(report))
	}
	return d.printObject(&d.outputFlags, report)
}

// deletedProfiles returns the names of the profiles that would be deleted.
func deletedProfiles(report diff.Report) []inventoryv1alpha1.ClusterProfile {
	profiles := make([]inventoryv1alpha1.ClusterProfile, 0, len(report.Changes))
	for _, change := range report.Changes {
		name := change.Profile
		switch change.Action {
		case diff.Rename:
			name = change.From
		case diff.Withdraw:
		default:
			continue
		}
		p := inventoryv1alpha1.ClusterProfile{}
		p.Namespace, p.Name, _ = strings.Cut(name, "/")
		profiles = append(profiles, p)
	}
	return profiles
}

// printTables prints the counts, and then the changes.
func (d *differ) printTables(report diff.Report) error {
	counts := d.table(&d.outputFlags, "INVENTORY", "EDIT", "CLUSTERS", "PUBLISH", "WITHDRAW", "RENAME", "TAKEOVER", "CHANGE", "LEAVE",
		"BLOCKED", "UNCHANGED")
	for _, i := range report.Inventories {
		selected := "<unchanged>"
		if i.Edit != diff.None {
			selected = fmt.Sprintf("%d -> %d", i.Before, i.After)
		}
		counts.Add(printers.Text(i.Name), printers.Text(string(i.Edit)), printers.Text(selected), number(i.Publish, printers.Plain),
			number(i.Withdraw, printers.Bad), number(i.Rename, printers.Bad), number(i.TakeOver, printers.Doubtful),
			number(i.Change, printers.Doubtful), number(i.Leave, printers.Doubtful), number(i.Blocked, printers.Bad),
			number(i.Unchanged, printers.Plain))
	}
	if err := counts.Flush(); err != nil {
		return err
	}
	for _, what := range report.Unread {
		d.warnf("You may not read %s.", printers.Printable(what))
	}
	for _, note := range report.Notes {
		d.warnf("%s", printers.Printable(note))
	}
	if _, err := fmt.Fprintln(d.Out); err != nil {
		return err
	}
	if len(report.Changes) == 0 {
		_, err := fmt.Fprintln(d.Out, "Nothing would change.")
		return err
	}
	changes := d.table(&d.outputFlags, "CLUSTER", "INVENTORY", "ACTION", "PROFILE", "WHAT")
	for _, change := range report.Changes {
		d.addChange(changes, change)
	}
	return changes.Flush()
}

func number(n int, tone printers.Tone) printers.Cell {
	if n == 0 {
		tone = printers.Faint
	}
	return printers.Cell{Text: strconv.Itoa(n), Tone: tone}
}

// addChange adds a change: in one row, or with -o wide in one for each field and problem.
func (d *differ) addChange(table *printers.Table, change diff.ProfileChange) {
	tones := map[diff.Action]printers.Tone{
		diff.Publish: printers.Good, diff.Withdraw: printers.Bad, diff.Rename: printers.Bad, diff.Blocked: printers.Bad,
		diff.Change: printers.Doubtful, diff.TakeOver: printers.Doubtful, diff.Leave: printers.Doubtful,
	}
	what := d.describe(change)
	if more := len(what) - 1; more > 0 && d.format != outputWide {
		what = []string{fmt.Sprintf("%s, +%d", what[0], more)}
	}
	for _, text := range what {
		table.Add(printers.Text(change.Cluster), printers.Text(change.Inventory),
			printers.Cell{Text: string(change.Action), Tone: tones[change.Action]}, printers.Text(change.Profile), printers.Text(text))
	}
}

// describe returns what a change consists of, at least one text.
func (d *differ) describe(change diff.ProfileChange) []string {
	var first []string
	if change.Action == diff.Rename {
		first = append(first, "replaces "+change.From)
	}
	if change.FromInventory != "" {
		first = append(first, "taken over from "+change.FromInventory)
	}
	if change.Why != "" {
		first = append(first, change.Why)
	}
	var what []string
	if len(first) > 0 {
		what = append(what, strings.Join(first, "; "))
	}
	for _, field := range change.Fields {
		what = append(what, fmt.Sprintf("%s: %s -> %s", field.Path, d.value(field.Before), d.value(field.After)))
	}
	for _, problem := range change.Problems {
		what = append(what, problem.Reason+": "+problem.Message)
	}
	if len(what) == 0 {
		return []string{""}
	}
	return what
}

func (d *differ) value(text string) string {
	if text == "" {
		return "<none>"
	}
	return d.truncated(text)
}
