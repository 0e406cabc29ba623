// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/listing"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// refreshEvery is how often a watch looks for rows that change with the time alone.
const refreshEvery = 10 * time.Second

type lister struct {
	*options
	selectionFlags
	outputFlags
	watch bool
}

func newList(o *options) *cobra.Command {
	l := &lister{options: o}
	cmd := &cobra.Command{
		Use:     "list [NAME...]",
		Aliases: []string{"get", "ls"},
		Short:   "List profiles, and whether their spokes are reachable",
		Long: "List profiles. HEALTHY is the condition ControlPlaneHealthy, which the cluster manager reports. REACHABLE is what a " +
			"consumer " +
			"reports in the SpokeCheck of the profile.",
		ValidArgsFunction: o.completeProfiles(&l.selectionFlags, false),
		RunE:              l.run,
	}
	l.selectionFlags.add(cmd)
	l.outputFlags.add(cmd)
	cmd.Flags().BoolVarP(&l.watch, "watch", "w", false, "After listing, watch the profiles and print a row when it changes.")
	return cmd
}

func (l *lister) run(cmd *cobra.Command, names []string) error {
	if err := l.validate(); err != nil {
		return err
	}
	if l.watch && !l.isTable() {
		return errors.New("--watch: requires the output format table or wide")
	}
	hub, err := l.hub()
	if err != nil {
		return err
	}
	selection, err := l.selection(&l.selectionFlags, names)
	if err != nil {
		return err
	}
	profiles, err := lookup.Profiles(cmd.Context(), hub, selection)
	if err != nil {
		return err
	}
	if len(profiles) == 0 {
		l.warnf("%s", lookup.Hint(cmd.Context(), hub, selection))
	}
	list := &listing.Listing{
		Selection: selection,
		NewTable:  func(headers ...string) *printers.Table { return l.table(&l.outputFlags, headers...) },
		Warnf:     l.warnf,
		Now:       l.now,
		Wide:      l.format == outputWide,
	}
	switch {
	case l.watch:
		return l.follow(cmd, list, hub, profiles)
	case !l.isTable():
		return l.printProfiles(&l.outputFlags, profiles)
	}
	return list.Print(cmd.Context(), hub, profiles)
}

func (l *lister) follow(
	cmd *cobra.Command, list *listing.Listing, hub client.Client, profiles []inventoryv1alpha1.ClusterProfile,
) error {
	config, err := l.hubConfig()
	if err != nil {
		return err
	}
	watcher, err := client.NewWithWatch(config, client.Options{Scheme: hub.Scheme(), Mapper: hub.RESTMapper()})
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	list.Ticks = ticker.C
	return list.Watch(cmd.Context(), watcher, profiles)
}
