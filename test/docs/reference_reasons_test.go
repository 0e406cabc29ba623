// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

var (
	// conditionTitle splits the comment on a group of reasons: which condition of which kind, and the rest.
	conditionTitle = regexp.MustCompile(`(?s)^(?:Condition|Reasons of )(\w.*? on an? \w+)[.:]\s+(.*)$`)
	conditionName  = regexp.MustCompile(`\bCondition([A-Z]\w+)`)
	// reasonList is a list of reasons in such a comment.
	reasonList = regexp.MustCompile(`(?:True|False|Unknown|Possible reasons): ([^.]+)\.`)
)

// conditionsReference returns the section of conditions: what each says, and its reasons.
func conditionsReference(t *testing.T) string {
	t.Helper()
	section := "\n## Conditions\n\nWhat to do about a reason is in [troubleshooting.md](troubleshooting.md#what-you-see).\n"
	for _, group := range constantGroups(t, "api/v1alpha1/*.go") {
		reasons := withPrefix(group.constants, "Reason")
		if len(reasons) == 0 && len(withPrefix(group.constants, "Condition")) == 0 {
			continue
		}
		match := conditionTitle.FindStringSubmatch(group.comment)
		if match == nil {
			t.Fatalf("the comment on %s does not begin with the condition and its kind: %q", group.constants[0].name, group.comment)
		}
		title, text := match[1], match[2]
		checkReasonLists(t, title, oneLine(text))
		section += "\n### " + title + "\n"
		for paragraph := range strings.SplitSeq(strings.ToUpper(text[:1])+text[1:], "\n\n") {
			section += "\n" + conditionName.ReplaceAllString(oneLine(paragraph), "$1") + "\n"
		}
		if len(reasons) > 0 {
			section += reasonTable(t, reasons)
		}
	}
	return section
}

// checkReasonLists fails the test if a comment lists a reason that does not exist. What has several words explains.
func checkReasonLists(t *testing.T, title, comment string) {
	t.Helper()
	known := reasons(t)
	for _, list := range reasonList.FindAllStringSubmatch(comment, -1) {
		for name := range strings.SplitSeq(list[1], ", ") {
			if !strings.Contains(name, " ") && !slices.ContainsFunc(known, func(c constant) bool { return c.value == name }) {
				t.Errorf("the comment on %s lists the reason %s, which does not exist", title, name)
			}
		}
	}
}

// problemsReference returns the section of problems.
func problemsReference(t *testing.T) string {
	t.Helper()
	return "\n## Problems\n\nIn `status.problems` of an Inventory, as Events on the Cluster, and in the metric " +
		"`capi_inventory_problems`. What to do about each is in\n[troubleshooting.md](troubleshooting.md#problems).\n" +
		reasonTable(t, problems(t))
}

// reasons returns all reasons of conditions.
func reasons(t *testing.T) []constant {
	t.Helper()
	var found []constant
	for _, group := range constantGroups(t, "api/v1alpha1/*.go") {
		found = append(found, withPrefix(group.constants, "Reason")...)
	}
	return found
}

// problems returns all problems; those with a kubeconfig are what the reasons of its rejection make of ProblemKubeconfig.
func problems(t *testing.T) []constant {
	t.Helper()
	var found []constant
	for _, group := range constantGroups(t, "api/v1alpha1/*.go") {
		found = append(found, withPrefix(group.constants, "Problem")...)
	}
	found = slices.DeleteFunc(found, func(c constant) bool { return c.value == v1alpha1.ProblemKubeconfig })
	for _, group := range constantGroups(t, "internal/publish/*.go") {
		for _, rejection := range group.constants {
			if rejection.kind == "Reason" {
				rejection.value = v1alpha1.ProblemKubeconfig + rejection.value
				found = append(found, rejection)
			}
		}
	}
	return found
}

func withPrefix(constants []constant, prefix string) []constant {
	return slices.DeleteFunc(slices.Clone(constants), func(c constant) bool { return !strings.HasPrefix(c.name, prefix) })
}

func reasonTable(t *testing.T, reasons []constant) string {
	t.Helper()
	table := "\n| Reason | Means |\n|---|---|\n"
	for _, reason := range reasons {
		if reason.meaning == "" {
			t.Errorf("%s has no comment", reason.name)
		}
		table += row(code(reason.value), reason.meaning)
	}
	return table
}
