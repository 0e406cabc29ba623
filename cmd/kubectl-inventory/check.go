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
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

type checker struct {
	*options
	scopeFlags
	outputFlags
	providerFlags
	requirePermissions []string
}

func newCheck(o *options) *cobra.Command {
	c := &checker{options: o}
	cmd := &cobra.Command{
		Use:   "check [NAME...]",
		Short: "Probe spokes now, from here",
		Long: "Probe spokes now, from this machine, with nothing but their profiles and the provider file, and say what each stage of the way said. Nothing is written to the hub.\n\n" +
			"Exit code 1 says that a spoke is not reachable. -o wide prints a row for each stage, -o name the profiles whose spokes are not reachable.",
		ValidArgsFunction: o.completeProfiles(&c.scopeFlags, false),
		RunE:              c.run,
	}
	c.scopeFlags.add(cmd)
	c.outputFlags.add(cmd)
	c.providerFlags.add(cmd)
	cmd.Flags().StringSliceVar(&c.requirePermissions, "require-permission", nil, "Permission without which a spoke does not count as reachable, as verb/resource, for example list/pods or create/deployments.apps; may be repeated.")
	return cmd
}

func (c *checker) run(cmd *cobra.Command, names []string) (err error) {
	if err := errors.Join(c.outputFlags.validate(), c.providerFlags.validate()); err != nil {
		return err
	}
	observer := &spoke.Checker{Prober: &probe.Prober{Timeout: c.timeout, AllowLocalServers: c.allowLocalServers, UserAgent: userAgent}}
	for _, text := range c.requirePermissions {
		permission, err := probe.ParsePermission(text)
		if err != nil {
			return fmt.Errorf("--require-permission: %w", err)
		}
		observer.Prober.Permissions = append(observer.Prober.Permissions, permission)
	}
	if observer.Providers, err = c.load(); err != nil {
		return err
	}
	hub, err := c.hub()
	if err != nil {
		return err
	}
	profiles, err := c.profiles(cmd, hub, &c.scopeFlags, names)
	if err != nil {
		return err
	}
	if observer.Providers, err = c.follow(cmd.Context(), hub, &c.providerFlags, observer.Providers, profiles); err != nil {
		return err
	}
	source, done, err := c.source(&c.providerFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	observer.Credentials = source

	bar := printers.NewBar(c.ErrOut, len(profiles), "not reachable")
	results, err := spoke.CheckAll(cmd.Context(), observer, profiles, spoke.Options{
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
		return errNo
	}
	return nil
}

func (c *checker) print(results []spoke.Report) error {
	switch c.format {
	case outputTable:
		return c.summary(results)
	case outputWide:
		return c.stages(results)
	case outputName:
		var dark []inventoryv1alpha1.ClusterProfile
		for i := range results {
			if !results[i].Reachable() {
				dark = append(dark, *results[i].Profile)
			}
		}
		return c.names(dark)
	}
	return c.encode(&c.outputFlags, spoke.SpokeChecks(results))
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
		way := r.Stages()
		stages := make([]string, 0, len(way))
		for _, stage := range way {
			stages = append(stages, stage.Name+" "+outcome(stage))
		}
		table.Add(printers.Text(r.Profile.Name), printers.Text(r.Profile.Namespace), verdict, printers.Text(r.Version), printers.Text(strings.Join(stages, ", ")), printers.Text(r.Message()))
	}
	return table.Flush()
}

// stages prints a row for each stage of the way into each spoke.
func (c *checker) stages(results []spoke.Report) error {
	table := c.table(&c.outputFlags, "NAME", "NAMESPACE", "STAGE", "RESULT", "TOOK", "SAID")
	for i := range results {
		r := &results[i]
		for _, stage := range r.Stages() {
			tone := printers.Good
			if !stage.OK {
				tone = printers.Bad
			}
			table.Add(printers.Text(r.Profile.Name), printers.Text(r.Profile.Namespace), printers.Text(stage.Name),
				printers.Cell{Text: outcome(stage), Tone: tone}, printers.Text(stage.Took.Round(time.Millisecond).String()), printers.Text(stage.Said))
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
