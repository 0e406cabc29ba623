// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package listing prints profiles as a table, with whether their spokes are reachable, and keeps it up to date.
package listing

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/duration"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// heartbeat is how often a consumer renews a SpokeCheck without heartbeatSeconds.
const heartbeat = 5 * time.Minute

// Listing prints the selected profiles. Its exported fields are required.
type Listing struct {
	Selection lookup.Selection
	// NewTable returns a table with the headers.
	NewTable func(headers ...string) *printers.Table
	// Warnf prints a message that is not part of the table.
	Warnf func(format string, args ...any)
	Now   func() time.Time
	// Ticks are when a watch compares its rows with the clock: a check that is no longer renewed becomes stale without an event.
	Ticks <-chan time.Time
	// Wide adds columns.
	Wide bool

	checks *lookup.Checks
	// checksReadable means that some checks may be read, so that the column REACHABLE is printed.
	checksReadable bool
}

// Print prints the profiles, which are those of the selection.
func (l *Listing) Print(ctx context.Context, hub client.Reader, profiles []inventoryv1alpha1.ClusterProfile) (err error) {
	if l.checks, err = lookup.ReadChecks(ctx, hub, l.Selection.Namespaces()...); err != nil {
		return err
	}
	l.checksReadable = l.warnHidden()
	table := l.header()
	for i := range profiles {
		l.add(table, l.row(&profiles[i]))
	}
	return table.Flush()
}

// warnHidden warns of the namespaces in which SpokeChecks may not be read, and reports whether there are others.
func (l *Listing) warnHidden() bool {
	hidden := l.checks.Hidden()
	if len(hidden) == 0 {
		return true
	}
	where := ""
	if hidden[0] != "" {
		where = " in the namespace " + strings.Join(hidden, ", ")
	}
	all := len(hidden) == len(l.Selection.Namespaces())
	if all {
		l.Warnf("REACHABLE is not shown: you may not read SpokeChecks (%s)%s.", v1alpha1.SchemeGroupVersion.Group, where)
	} else {
		l.Warnf("REACHABLE is %s%s: you may not read SpokeChecks (%s) there.", unknown, where, v1alpha1.SchemeGroupVersion.Group)
	}
	return !all
}

func (l *Listing) header() *printers.Table {
	headers := []string{"NAME", "NAMESPACE", "MANAGER", "VERSION", "HEALTHY", "REACHABLE", "AGE"}
	if l.Wide {
		headers = append(headers, "SERVER", "PROVIDERS", "PROPERTIES")
	}
	return l.NewTable(visible(l, headers)...)
}

// The indexes of cells in a row.
const (
	reachable = 5
	// age is the only cell that changes without a change of an object.
	age = 6
)

// unknown is printed for what the user may not read; for what does not exist, a table has <none>.
const unknown = "<unknown>"

// add adds a row to a table.
func (l *Listing) add(table *printers.Table, row []printers.Cell) { table.Add(visible(l, row)...) }

// visible removes the column REACHABLE from a row if the user may read no SpokeChecks.
func visible[T any](l *Listing, row []T) []T {
	if l.checksReadable {
		return row
	}
	return slices.Delete(slices.Clone(row), reachable, reachable+1)
}

func (l *Listing) row(profile *inventoryv1alpha1.ClusterProfile) []printers.Cell {
	check := l.checks.Of(client.ObjectKeyFromObject(profile))
	row := []printers.Cell{
		printers.Text(profile.Name),
		printers.Text(profile.Namespace),
		printers.Text(profile.Spec.ClusterManager.Name),
		printers.Text(profile.Status.Version.Kubernetes),
		healthy(profile),
		l.reachable(profile.Namespace, check),
		printers.Text(duration.HumanDuration(l.Now().Sub(profile.CreationTimestamp.Time))),
	}
	if l.Wide {
		row = append(row,
			printers.Text(serverOf(profile, check)), printers.Text(providersOf(profile)), printers.Text(propertiesOf(profile)))
	}
	return row
}

func healthy(profile *inventoryv1alpha1.ClusterProfile) printers.Cell {
	condition := meta.FindStatusCondition(profile.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy)
	if condition == nil {
		return printers.Cell{}
	}
	return printers.Cell{Text: string(condition.Status), Tone: printers.ToneOf(condition.Status)}
}

// reachable returns the condition, with its reason if that is another: one word, so that columns can be cut out of the table.
func (l *Listing) reachable(namespace string, check *v1alpha1.SpokeCheck) printers.Cell {
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
	cell := printers.Cell{Text: string(condition.Status), Tone: printers.ToneOf(condition.Status)}
	if condition.Reason != v1alpha1.ReasonReachable {
		cell.Text += "(" + condition.Reason + ")"
	}
	if check.Status.LastProbeTime != nil && check.Status.Silent(l.Now(), heartbeat) {
		cell.Text, cell.Tone = cell.Text+"(stale)", printers.Doubtful
	}
	return cell
}

// serverOf returns the server that a consumer has dialled, or else the first of the profile.
func serverOf(profile *inventoryv1alpha1.ClusterProfile, check *v1alpha1.SpokeCheck) string {
	server := ""
	if check != nil {
		server = check.Status.Server
	}
	for _, provider := range slices.Concat(profile.Status.AccessProviders, profile.Status.CredentialProviders) {
		server = cmp.Or(server, provider.Cluster.Server)
	}
	return printable.WithoutUserInfo(server)
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
