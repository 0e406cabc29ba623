// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	upstream "sigs.k8s.io/cluster-inventory-api/pkg/access"

	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
)

type linter struct {
	*options
	selectionFlags
	outputFlags
	providerFlags
	manifests  manifests
	consumers  []string
	namespaces map[string]string
	rules      bool
}

func newLint(o *options) *cobra.Command {
	l := &linter{options: o}
	cmd := &cobra.Command{
		Use:   "lint [NAME...]",
		Short: "Report which consumers accept profiles, and how to fix the others",
		Long: "Check profiles of any cluster manager, on the hub or in files, against the rules of their consumers.\n\n" +
			"Exit code 1 means that a consumer rejects a profile. -o wide prints a row for each broken rule, and -o name the profiles " +
			"that " +
			"a consumer rejects.",
		ValidArgsFunction: o.completeProfiles(&l.selectionFlags, false),
		RunE:              l.run,
	}
	l.selectionFlags.add(cmd)
	l.outputFlags.add(cmd)
	l.addFile(cmd, "With it, lint knows which access providers the consumers take.")
	l.manifests.add(cmd)
	cmd.Flags().StringSliceVar(&l.consumers, "consumer", nil,
		"Consumers to check for, of "+consumerNames()+". Can be repeated; empty means all.")
	cmd.Flags().StringToStringVar(&l.namespaces, "consumer-namespace", nil, "The only namespace that a consumer reads, as "+
		"consumer=namespace; consumer= means all. The defaults are headlamp=headlamp, argocd=argocd, kueue=kueue-system, and all "+
		"namespaces for the others.")
	cmd.Flags().BoolVar(&l.rules, "rules", false, "Print the rules, those of --consumer if it is set, and check no profile.")
	completeFlag(cmd, "consumer", strings.Split(consumerNames(), ", ")...)
	return cmd
}

func consumerNames() string {
	names := make([]string, 0, len(lint.Consumers))
	for _, consumer := range lint.Consumers {
		names = append(names, string(consumer))
	}
	return strings.Join(names, ", ")
}

func (l *linter) run(cmd *cobra.Command, names []string) error {
	options, err := l.lintOptions()
	if err = errors.Join(l.outputFlags.validate(), err); err != nil {
		return err
	}
	if l.rules {
		return l.printRules(rulesFor(options.Consumers))
	}
	profiles, fleet, err := l.targets(cmd, names, &options)
	if err != nil {
		return err
	}
	findings := lint.Lint(profiles, fleet, options)
	if err := l.print(profiles, findings); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Accepts == lint.No }) {
		return errUnsatisfied
	}
	return nil
}

// lintOptions returns how the consumers are configured, from the flags.
func (l *linter) lintOptions() (lint.Options, error) {
	options := lint.Options{Namespaces: map[lint.Consumer]string{}}
	for consumer, namespace := range lint.DefaultNamespaces {
		options.Namespaces[consumer] = namespace
	}
	for _, name := range l.consumers {
		consumer, err := consumerOf("--consumer", name)
		if err != nil {
			return options, err
		}
		options.Consumers = append(options.Consumers, consumer)
	}
	for name, namespace := range l.namespaces {
		consumer, err := consumerOf("--consumer-namespace", name)
		if err != nil {
			return options, err
		}
		if namespace != "" && len(validation.IsDNS1123Label(namespace)) > 0 {
			return options, fmt.Errorf("--consumer-namespace: %q is not a valid namespace", namespace)
		}
		options.Namespaces[consumer] = namespace
	}
	path := cmp.Or(l.file, os.Getenv(providersVariable))
	if path == "" {
		return options, nil
	}
	// The project's loader validates the file, upstream's returns its content.
	if _, err := access.Load(path, access.Options{}); err != nil {
		return options, err
	}
	config, err := upstream.NewFromFile(path)
	if err != nil {
		return options, err
	}
	for _, provider := range config.Providers {
		options.Providers = append(options.Providers, provider.Name)
	}
	return options, nil
}

func consumerOf(flag, name string) (lint.Consumer, error) {
	if slices.Contains(lint.Consumers, lint.Consumer(name)) {
		return lint.Consumer(name), nil
	}
	if like, ok := lookup.Suggest(name, strings.Split(consumerNames(), ", ")); ok {
		return "", fmt.Errorf("%s: there is no consumer %q; did you mean %s?", flag, name, like)
	}
	return "", fmt.Errorf("%s: %q is not one of %s", flag, name, consumerNames())
}

// targets returns the profiles to check, and the fleet to compare them with, as far as it may be read.
func (l *linter) targets(
	cmd *cobra.Command, names []string, options *lint.Options,
) (profiles, fleet []inventoryv1alpha1.ClusterProfile, err error) {
	if l.manifests.given() {
		if len(names) > 0 || l.allNamespaces || l.selector != "" {
			return nil, nil, errors.New("--filename: cannot be combined with names, -A or a selector")
		}
		profiles, err := l.manifests.profiles(cmd.Context(), l.In)
		return profiles, profiles, err
	}
	hub, err := l.hub()
	if err != nil {
		return nil, nil, err
	}
	if profiles, err = l.profiles(cmd, hub, &l.selectionFlags, names); err != nil {
		return nil, nil, err
	}
	var namespaces []string
	for i := range profiles {
		namespaces = append(namespaces, profiles[i].Namespace)
	}
	for _, namespace := range options.Namespaces {
		if namespace != "" {
			namespaces = append(namespaces, namespace)
		}
	}
	fleet, options.Seen, err = lookup.Fleet(cmd.Context(), hub, namespaces...)
	return profiles, fleet, err
}

func (l *linter) print(profiles []inventoryv1alpha1.ClusterProfile, findings []lint.Finding) error {
	switch {
	case l.isTable() && l.format == outputWide:
		return l.details(findings)
	case l.isTable():
		return l.summary(findings)
	case l.format == outputName:
		return l.printProfiles(&l.outputFlags, slices.DeleteFunc(slices.Clone(profiles), func(p inventoryv1alpha1.ClusterProfile) bool {
			return !slices.ContainsFunc(findings, func(f lint.Finding) bool {
				return f.Namespace == p.Namespace && f.Name == p.Name && f.Accepts == lint.No
			})
		}))
	}
	return l.printObject(&l.outputFlags, map[string]any{"kind": "Findings", "findings": findings})
}

// summary prints a row for each profile and consumer, with the worst breach.
func (l *linter) summary(findings []lint.Finding) error {
	table := l.table(&l.outputFlags, "NAME", "NAMESPACE", "CONSUMER", "ACCEPTS", "RULE", "REMEDY")
	for _, f := range findings {
		row := []printers.Cell{
			printers.Text(f.Name),
			printers.Text(f.Namespace),
			printers.Text(string(f.Consumer)),
			verdictCell(f.Accepts),
			{},
			{},
		}
		if len(f.Breaches) > 0 {
			row[4], row[5] = printers.Text(f.Breaches[0].Rule), printers.Text(f.Breaches[0].Remedy)
		}
		if more := len(f.Breaches) - 1; more > 0 {
			row[4].Text += fmt.Sprintf(",+%d", more)
		}
		table.Add(row...)
	}
	return table.Flush()
}

// details prints a row for each breach.
func (l *linter) details(findings []lint.Finding) error {
	table := l.table(&l.outputFlags, "NAME", "NAMESPACE", "CONSUMER", "ACCEPTS", "RULE", "WHAT", "REMEDY", "SOURCE")
	for _, f := range findings {
		if len(f.Breaches) == 0 {
			table.Add(printers.Text(f.Name), printers.Text(f.Namespace), printers.Text(string(f.Consumer)), verdictCell(f.Accepts),
				printers.Cell{}, printers.Cell{}, printers.Cell{}, printers.Cell{})
		}
		for _, b := range f.Breaches {
			table.Add(printers.Text(f.Name), printers.Text(f.Namespace), printers.Text(string(f.Consumer)), verdictCell(b.Verdict),
				printers.Text(b.Rule), printers.Text(b.What), printers.Text(b.Remedy), printers.Text(b.Source))
		}
	}
	return table.Flush()
}

func verdictCell(verdict lint.Verdict) printers.Cell {
	tones := map[lint.Verdict]printers.Tone{
		lint.Yes: printers.Good, lint.Partly: printers.Doubtful, lint.NotVisible: printers.Doubtful, lint.No: printers.Bad,
	}
	return printers.Cell{Text: string(verdict), Tone: tones[verdict]}
}
