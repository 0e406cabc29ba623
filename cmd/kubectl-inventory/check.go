// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/cli/references"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

type checker struct {
	*options
	selectionFlags
	outputFlags
	providerFlags
	requirePermissions []string
}

func newCheck(o *options) *cobra.Command {
	c := &checker{options: o}
	cmd := &cobra.Command{
		Use:   "check [NAME...]",
		Short: "Probe spokes from this machine",
		Long: "Probe spokes from this machine, with their profiles and the provider file only, and print the result of each stage. " +
			"Nothing is " +
			"written to the hub.\n\nExit code 1 means that a spoke is not reachable. -o wide prints a row for each stage, and -o name " +
			"the " +
			"profiles whose spokes are not reachable.",
		ValidArgsFunction: o.completeProfiles(&c.selectionFlags, false),
		RunE:              c.run,
	}
	c.selectionFlags.add(cmd)
	c.outputFlags.add(cmd)
	c.providerFlags.add(cmd)
	cmd.Flags().StringSliceVar(&c.requirePermissions, "require-permission", nil,
		"Permission that the credentials must have for a spoke to "+
			"be reachable, as verb/resource, for example list/pods or create/deployments.apps. Can be repeated.")
	return cmd
}

// newChecker returns what checks spokes, as far as the flags define it.
func (c *checker) newChecker() (*spoke.Checker, error) {
	if err := errors.Join(c.outputFlags.validate(), c.providerFlags.validate()); err != nil {
		return nil, err
	}
	prober := &probe.Prober{Timeout: c.timeout, AllowLocalServers: c.allowLocalServers, UserAgent: userAgent}
	for _, text := range c.requirePermissions {
		permission, err := probe.ParsePermission(text)
		if err != nil {
			return nil, fmt.Errorf("--require-permission: %w", err)
		}
		prober.Permissions = append(prober.Permissions, permission)
	}
	providers, err := c.load()
	if err != nil {
		return nil, err
	}
	return &spoke.Checker{Prober: prober, Providers: providers}, nil
}

func (c *checker) run(cmd *cobra.Command, names []string) (err error) {
	spokes, err := c.newChecker()
	if err != nil {
		return err
	}
	hub, err := c.hub()
	if err != nil {
		return err
	}
	profiles, err := c.profiles(cmd, hub, &c.selectionFlags, names)
	if err != nil {
		return err
	}
	policy := references.Policy{Providers: spokes.Providers, Namespaces: c.referenceNamespaces}
	if spokes.Providers, err = c.permit(cmd.Context(), hub, policy, profiles); err != nil {
		return err
	}
	source, done, err := c.source(&c.providerFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	spokes.Credentials = source

	bar := printers.NewBar(c.ErrOut, len(profiles), "not reachable")
	results, err := spoke.CheckAll(cmd.Context(), spokes, profiles, spoke.Options{
		Concurrency: c.workers,
		Done:        func(r *spoke.Report) { bar.Step(r.Reachable()) },
	})
	bar.Clear()
	if err != nil {
		return err
	}
	if err := c.print(results); err != nil {
		return err
	}
	if slices.ContainsFunc(results, func(r spoke.Report) bool { return !r.Reachable() }) {
		return errUnsatisfied
	}
	return nil
}

func (c *checker) print(results []spoke.Report) error {
	switch {
	case c.isTable() && c.format == outputWide:
		return c.stages(results)
	case c.isTable():
		return c.summary(results)
	case c.format == outputName:
		var unreachable []inventoryv1alpha1.ClusterProfile
		for i := range results {
			if !results[i].Reachable() {
				unreachable = append(unreachable, *results[i].Profile)
			}
		}
		return c.printProfiles(&c.outputFlags, unreachable)
	}
	return c.printObject(&c.outputFlags, spoke.SpokeChecks(results))
}

// summary prints a row for each spoke.
func (c *checker) summary(results []spoke.Report) error {
	table := c.table(&c.outputFlags, "NAME", "NAMESPACE", "REACHABLE", "VERSION", "STAGES", "MESSAGE")
	for i := range results {
		r := &results[i]
		verdict := printers.Cell{Text: "True", Tone: printers.Good}
		if !r.Reachable() {
			verdict = printers.Cell{Text: r.Reason(), Tone: printers.Bad}
		}
		results := r.Stages()
		stages := make([]string, 0, len(results))
		for _, stage := range results {
			stages = append(stages, stage.Name+" "+outcome(stage))
		}
		table.Add(printers.Text(r.Profile.Name), printers.Text(r.Profile.Namespace), verdict, printers.Text(r.Version),
			printers.Text(strings.Join(stages, ", ")), printers.Text(r.Message()))
	}
	return table.Flush()
}

// stages prints a row for each stage of each spoke.
func (c *checker) stages(results []spoke.Report) error {
	table := c.table(&c.outputFlags, "NAME", "NAMESPACE", "STAGE", "RESULT", "DURATION", "DETAIL")
	for i := range results {
		r := &results[i]
		for _, stage := range r.Stages() {
			tone := printers.Good
			if !stage.OK {
				tone = printers.Bad
			}
			table.Add(printers.Text(r.Profile.Name), printers.Text(r.Profile.Namespace), printers.Text(stage.Name),
				printers.Cell{Text: outcome(stage), Tone: tone}, printers.Text(stage.Took.Round(time.Millisecond).String()),
				printers.Text(stage.Said))
		}
	}
	return table.Flush()
}

func outcome(stage spoke.Stage) string {
	if stage.OK {
		return "ok"
	}
	return "failed"
}
