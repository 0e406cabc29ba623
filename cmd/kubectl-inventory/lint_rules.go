// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"

	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// rulesFor returns the rules of some consumers; none means all.
func rulesFor(consumers []lint.Consumer) []lint.Rule {
	if len(consumers) == 0 {
		return lint.Rules()
	}
	return slices.DeleteFunc(lint.Rules(), func(rule lint.Rule) bool {
		return !slices.ContainsFunc(rule.Consumers, func(of lint.Consumer) bool { return slices.Contains(consumers, of) })
	})
}

func (l *linter) printRules(rules []lint.Rule) error {
	if !l.isTable() {
		return l.printObject(&l.outputFlags, map[string]any{"kind": "Rules", "rules": rules})
	}
	table := l.table(&l.outputFlags, "RULE", "CONSUMERS", "VERDICT", "REMEDY", "SOURCE")
	for _, rule := range rules {
		consumers := make([]string, 0, len(rule.Consumers))
		for _, consumer := range rule.Consumers {
			consumers = append(consumers, string(consumer))
		}
		table.Add(printers.Text(rule.Name), printers.Text(strings.Join(consumers, ",")), verdictCell(rule.Verdict),
			printers.Text(rule.Remedy), printers.Text(rule.Source))
	}
	return table.Flush()
}
