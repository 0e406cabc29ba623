// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/duration"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// heartbeat is how often a consumer renews a SpokeCheck that does not say how often.
const heartbeat = 5 * time.Minute

type lister struct {
	*options
	scopeFlags
	outputFlags
	watch bool

	// namespaces are those looked into, and checks what consumers have seen there.
	namespaces []string
	checks     *lookup.Checks
	// checked says that some checks may be read, and so whether spokes are reachable is shown.
	checked bool
}

func newList(o *options) *cobra.Command {
	l := &lister{options: o}
	cmd := &cobra.Command{
		Use:               "list [NAME...]",
		Aliases:           []string{"get", "ls"},
		Short:             "List profiles, and whether their spokes can be reached",
		Long:              "List profiles. HEALTHY is what the cluster manager says; REACHABLE is what a consumer saw, from the SpokeCheck beside the profile.",
		ValidArgsFunction: o.completeProfiles(&l.scopeFlags, false),
		RunE:              l.run,
	}
	l.scopeFlags.add(cmd)
	l.outputFlags.add(cmd)
	cmd.Flags().BoolVarP(&l.watch, "watch", "w", false, "Go on, and print a profile again when it changes.")
	return cmd
}

func (l *lister) run(cmd *cobra.Command, names []string) error {
	if err := l.validate(); err != nil {
		return err
	}
	if l.watch && !l.human() {
		return errors.New("--watch: only tables can be watched")
	}
	hub, err := l.hub()
	if err != nil {
		return err
	}
	scope, err := l.scope(&l.scopeFlags, names)
	if err != nil {
		return err
	}
	l.namespaces = scope.Namespaces()
	profiles, err := lookup.Profiles(cmd.Context(), hub, scope)
	if err != nil {
		return err
	}
	if len(profiles) == 0 {
		l.say("%s", lookup.Hint(cmd.Context(), hub, scope))
	}
	switch {
	case l.watch:
		return l.follow(cmd.Context(), hub, scope, profiles)
	case l.format == outputName:
		return l.names(profiles)
	case !l.human():
		return l.encode(&l.outputFlags, asList(profiles))
	}
	if l.checks, err = lookup.ReadChecks(cmd.Context(), hub, l.namespaces...); err != nil {
		return err
	}
	l.checked = l.tellHidden()
	table := l.header()
	for i := range profiles {
		l.add(table, l.row(&profiles[i]))
	}
	return table.Flush()
}

// tellHidden says where SpokeChecks may not be read, and returns whether there are any that may.
func (l *lister) tellHidden() bool {
	hidden := l.checks.Hidden()
	if len(hidden) == 0 {
		return true
	}
	where := ""
	if hidden[0] != "" {
		where = " in the namespace " + strings.Join(hidden, ", ")
	}
	all := len(hidden) == len(l.namespaces)
	if all {
		l.say("REACHABLE is not shown: you may not read SpokeChecks (%s)%s.", v1alpha1.SchemeGroupVersion.Group, where)
	} else {
		l.say("REACHABLE is %s%s: you may not read SpokeChecks (%s) there.", unknown, where, v1alpha1.SchemeGroupVersion.Group)
	}
	return !all
}

func asList(profiles []inventoryv1alpha1.ClusterProfile) *inventoryv1alpha1.ClusterProfileList {
	// A program expects a list, and no list is not an empty one.
	list := &inventoryv1alpha1.ClusterProfileList{Items: append([]inventoryv1alpha1.ClusterProfile{}, profiles...)}
	kind := inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile")
	list.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfileList"))
	for i := range list.Items {
		list.Items[i].SetGroupVersionKind(kind)
		list.Items[i].ManagedFields = nil
	}
	return list
}

func (l *lister) header() *printers.Table {
	headers := []string{"NAME", "NAMESPACE", "MANAGER", "VERSION", "HEALTHY", "REACHABLE", "AGE"}
	if l.format == outputWide {
		headers = append(headers, "SERVER", "PROVIDERS", "PROPERTIES")
	}
	return l.table(&l.outputFlags, shown(l, headers)...)
}

// Places in a row.
const (
	reachable = 5
	// age alone changes by itself.
	age = 6
)

// unknown stands for what may not be seen; for what is not there, a table has <none>.
const unknown = "<unknown>"

// add adds a row to a table.
func (l *lister) add(table *printers.Table, row []printers.Cell) { table.Add(shown(l, row)...) }

// shown leaves out of a row the column of which nothing is known.
func shown[T any](l *lister, row []T) []T {
	if l.checked {
		return row
	}
	return slices.Delete(slices.Clone(row), reachable, reachable+1)
}

func (l *lister) row(profile *inventoryv1alpha1.ClusterProfile) []printers.Cell {
	check := l.checks.Of(client.ObjectKeyFromObject(profile))
	row := []printers.Cell{
		printers.Text(profile.Name),
		printers.Text(profile.Namespace),
		printers.Text(profile.Spec.ClusterManager.Name),
		printers.Text(profile.Status.Version.Kubernetes),
		healthy(profile),
		l.reachable(profile.Namespace, check),
		printers.Text(duration.HumanDuration(l.now().Sub(profile.CreationTimestamp.Time))),
	}
	if l.format == outputWide {
		row = append(row, printers.Text(serverOf(profile, check)), printers.Text(providersOf(profile)), printers.Text(propertiesOf(profile)))
	}
	return row
}

func healthy(profile *inventoryv1alpha1.ClusterProfile) printers.Cell {
	condition := meta.FindStatusCondition(profile.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy)
	if condition == nil {
		return printers.Cell{}
	}
	return printers.Cell{Text: string(condition.Status), Tone: toneOf(condition.Status)}
}

// reachable is True, or False with the reason: one word, so that columns can be cut out of the table.
func (l *lister) reachable(namespace string, check *v1alpha1.SpokeCheck) printers.Cell {
	if !l.checks.Readable(namespace) {
		return printers.Cell{Text: unknown, Tone: printers.Faint}
	}
	if check == nil {
		return printers.Cell{}
	}
	condition := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionReachable)
	if condition == nil {
		return printers.Cell{}
	}
	cell := printers.Cell{Text: string(condition.Status), Tone: toneOf(condition.Status)}
	if condition.Reason != v1alpha1.ReasonReachable {
		cell.Text += "(" + condition.Reason + ")"
	}
	if check.Status.LastProbeTime != nil && check.Status.Silent(l.now(), heartbeat) {
		cell.Text, cell.Tone = cell.Text+"(stale)", printers.Doubtful
	}
	return cell
}

// serverOf is the server that was dialled, or the first that is offered.
func serverOf(profile *inventoryv1alpha1.ClusterProfile, check *v1alpha1.SpokeCheck) string {
	server := ""
	if check != nil {
		server = check.Status.Server
	}
	for _, provider := range slices.Concat(profile.Status.AccessProviders, profile.Status.CredentialProviders) {
		server = cmp.Or(server, provider.Cluster.Server)
	}
	return server
}

func providersOf(profile *inventoryv1alpha1.ClusterProfile) string {
	providers := slices.Concat(profile.Status.AccessProviders, profile.Status.CredentialProviders)
	names := make([]string, 0, len(providers))
	for _, provider := range providers {
		names = append(names, provider.Name)
	}
	return strings.Join(names, ",")
}

func propertiesOf(profile *inventoryv1alpha1.ClusterProfile) string {
	properties := make([]string, 0, len(profile.Status.Properties))
	for _, property := range profile.Status.Properties {
		properties = append(properties, property.Name+"="+property.Value)
	}
	return strings.Join(properties, ",")
}
