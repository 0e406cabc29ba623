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
	scopeFlags
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
		Short: "Say which consumers accept profiles, and what to do about the rest",
		Long: "Hold profiles, of whatever cluster manager, on the hub or in files, against the rules of those who read them.\n\n" +
			"Exit code 1 says that a consumer refuses a profile. -o wide prints a row for each rule that is broken, -o name the profiles that somebody refuses.",
		ValidArgsFunction: o.completeProfiles(&l.scopeFlags, false),
		RunE:              l.run,
	}
	l.scopeFlags.add(cmd)
	l.outputFlags.add(cmd)
	l.addFile(cmd, "with it, lint knows which access providers the consumers take.")
	l.manifests.add(cmd)
	cmd.Flags().StringSliceVar(&l.consumers, "consumer", nil, "Whom to ask, of "+consumerNames()+"; may be repeated. All if not set.")
	cmd.Flags().StringToStringVar(&l.namespaces, "consumer-namespace", nil, "Where a consumer looks, as consumer=namespace; consumer= for everywhere. By default headlamp=headlamp, argocd=argocd, kueue=kueue-system, and everywhere for the others.")
	cmd.Flags().BoolVar(&l.rules, "rules", false, "Print the rules, and look at no profile.")
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
	options, err := l.knowledge()
	if err = errors.Join(l.outputFlags.validate(), err); err != nil {
		return err
	}
	if l.rules {
		return l.printRules()
	}
	profiles, fleet, err := l.subjects(cmd, names, &options)
	if err != nil {
		return err
	}
	findings := lint.Lint(profiles, fleet, options)
	if err := l.print(profiles, findings); err != nil {
		return err
	}
	if slices.ContainsFunc(findings, func(f lint.Finding) bool { return f.Accepts == lint.No }) {
		return errNo
	}
	return nil
}

// knowledge is what the flags tell of the consumers.
func (l *linter) knowledge() (lint.Options, error) {
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
		if faults := validation.IsDNS1123Label(namespace); namespace != "" && len(faults) > 0 {
			return options, fmt.Errorf("--consumer-namespace: %q is not the name of a namespace", namespace)
		}
		options.Namespaces[consumer] = namespace
	}
	path := cmp.Or(l.file, os.Getenv(providersVariable))
	if path == "" {
		return options, nil
	}
	// The one reader refuses what cannot work, the other one shows what it has read.
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
	return "", fmt.Errorf("%s: %q is none of %s", flag, name, consumerNames())
}

// subjects are the profiles to look at, and those that stand beside them as far as these may be read.
func (l *linter) subjects(cmd *cobra.Command, names []string, options *lint.Options) (profiles, fleet []inventoryv1alpha1.ClusterProfile, err error) {
	if l.manifests.given() {
		if len(names) > 0 || l.allNamespaces || l.selector != "" {
			return nil, nil, errors.New("--filename: cannot be combined with names, -A or a selector")
		}
		profiles, err := l.manifests.read()
		return profiles, profiles, err
	}
	hub, err := l.hub()
	if err != nil {
		return nil, nil, err
	}
	if profiles, err = l.profiles(cmd, hub, &l.scopeFlags, names); err != nil {
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
	switch l.format {
	case outputTable:
		return l.summary(findings)
	case outputWide:
		return l.details(findings)
	case outputName:
		return l.names(slices.DeleteFunc(slices.Clone(profiles), func(p inventoryv1alpha1.ClusterProfile) bool {
			return !slices.ContainsFunc(findings, func(f lint.Finding) bool {
				return f.Namespace == p.Namespace && f.Name == p.Name && f.Accepts == lint.No
			})
		}))
	}
	return l.encode(&l.outputFlags, map[string]any{"findings": findings})
}

// summary prints a row for each profile and consumer, with the worst breach.
func (l *linter) summary(findings []lint.Finding) error {
	table := l.table(&l.outputFlags, "NAME", "NAMESPACE", "CONSUMER", "ACCEPTS", "RULE", "REMEDY")
	for _, f := range findings {
		row := []printers.Cell{printers.Text(f.Name), printers.Text(f.Namespace), printers.Text(string(f.Consumer)), verdictCell(f.Accepts), {}, {}}
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
			table.Add(printers.Text(f.Name), printers.Text(f.Namespace), printers.Text(string(f.Consumer)), verdictCell(f.Accepts), printers.Cell{}, printers.Cell{}, printers.Cell{}, printers.Cell{})
		}
		for _, b := range f.Breaches {
			table.Add(printers.Text(f.Name), printers.Text(f.Namespace), printers.Text(string(f.Consumer)), verdictCell(b.Verdict),
				printers.Text(b.Rule), printers.Text(b.What), printers.Text(b.Remedy), printers.Text(b.Source))
		}
	}
	return table.Flush()
}

func verdictCell(verdict lint.Verdict) printers.Cell {
	tones := map[lint.Verdict]printers.Tone{lint.Yes: printers.Good, lint.Partly: printers.Doubtful, lint.NotVisible: printers.Doubtful, lint.No: printers.Bad}
	return printers.Cell{Text: string(verdict), Tone: tones[verdict]}
}

func (l *linter) printRules() error {
	if !l.human() {
		return l.encode(&l.outputFlags, map[string]any{"rules": lint.Rules()})
	}
	table := l.table(&l.outputFlags, "RULE", "CONSUMERS", "VERDICT", "REMEDY", "SOURCE")
	for _, rule := range lint.Rules() {
		consumers := make([]string, 0, len(rule.Consumers))
		for _, consumer := range rule.Consumers {
			consumers = append(consumers, string(consumer))
		}
		table.Add(printers.Text(rule.Name), printers.Text(strings.Join(consumers, ",")), verdictCell(rule.Verdict), printers.Text(rule.Remedy), printers.Text(rule.Source))
	}
	return table.Flush()
}
