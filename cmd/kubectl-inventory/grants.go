// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

type granter struct {
	*options
	outputFlags
	allNamespaces bool
	selector      string
}

func newGrants(o *options) *cobra.Command {
	g := &granter{options: o}
	cmd := &cobra.Command{
		Use:   "grants",
		Short: "List the ServiceAccounts that a broker keeps on spokes, and what they wait for",
		Long: "List AccessGrants: the user that consumers are on each spoke, its roles, and when its token expires. READY is whether the " +
			"spoke accepts the token. REASON is why not, or why it cannot be renewed. -o wide adds what is awaited.",
		Args:              noArguments("select by labels, such as -l " + v1alpha1.LabelClusterName + "=NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              g.run,
	}
	cmd.Flags().BoolVarP(&g.allNamespaces, "all-namespaces", "A", false, "Select AccessGrants in all namespaces.")
	cmd.Flags().StringVarP(&g.selector, "selector", "l", "",
		"Label selector of the AccessGrants, such as "+v1alpha1.LabelInventory+"=default.")
	g.add(cmd)
	return cmd
}

func (g *granter) run(cmd *cobra.Command, _ []string) error {
	if err := g.validate(); err != nil {
		return err
	}
	selector, err := labels.Parse(g.selector)
	if err != nil {
		return fmt.Errorf("--selector: %w", err)
	}
	hub, err := g.hub()
	if err != nil {
		return err
	}
	namespace := ""
	if !g.allNamespaces {
		if namespace, err = g.namespace(); err != nil {
			return err
		}
	}
	grants, err := lookup.Grants(cmd.Context(), hub, namespace, selector)
	if err != nil {
		return err
	}
	if len(grants) == 0 {
		g.warnf("%s", lookup.GrantsHint(cmd.Context(), hub, namespace, selector))
	}
	if !g.isTable() {
		return g.printGrants(grants)
	}
	headers := []string{"NAME", "NAMESPACE", "CLUSTER", "USER", "ROLES", "EXPIRES", "READY", "REASON"}
	if g.format == outputWide {
		headers = append(headers, "INVENTORY", "AGE", "AWAITED")
	}
	table := g.table(&g.outputFlags, headers...)
	for i := range grants {
		table.Add(g.row(&grants[i])...)
	}
	return table.Flush()
}

func (g *granter) row(grant *v1alpha1.AccessGrant) []printers.Cell {
	ready, reason := printers.Cell{}, printers.Cell{}
	if condition := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionReady); condition != nil {
		ready = printers.Cell{Text: string(condition.Status), Tone: printers.ToneOf(condition.Status)}
		reason.Text = condition.Reason
	}
	degraded := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionDegraded)
	switch {
	case !grant.DeletionTimestamp.IsZero():
		reason = printers.Cell{Text: v1alpha1.ReasonRevoking, Tone: printers.Doubtful}
	case degraded != nil && degraded.Status == metav1.ConditionTrue:
		reason = printers.Cell{Text: degraded.Reason, Tone: printers.Doubtful}
	}
	expires := printers.Text(explain.Expires(grant))
	if expires.Text != "" && !grant.Status.ExpirationTimestamp.After(g.now()) {
		expires.Tone = printers.Bad
	}
	cells := []printers.Cell{
		printers.Text(grant.Name), printers.Text(grant.Namespace),
		printers.Text(grant.Spec.Cluster.Namespace + "/" + grant.Spec.Cluster.Name),
		printers.Text(grant.Status.User), printers.Text(explain.Roles(&grant.Spec.ServiceAccount)), expires, ready, reason,
	}
	if g.format == outputWide {
		age := duration.HumanDuration(g.now().Sub(grant.CreationTimestamp.Time))
		cells = append(cells, printers.Text(grant.Spec.Inventory), printers.Text(age), printers.Text(explain.Awaited(grant, time.Now())))
	}
	return cells
}

// printGrants prints grants in a format of kubectl.
func (g *granter) printGrants(grants []v1alpha1.AccessGrant) error {
	// An empty list, and not null, if there are none.
	list := &v1alpha1.AccessGrantList{Items: append([]v1alpha1.AccessGrant{}, grants...)}
	list.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AccessGrantList"))
	for i := range list.Items {
		list.Items[i].SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AccessGrant"))
	}
	return g.printObject(&g.outputFlags, list)
}
