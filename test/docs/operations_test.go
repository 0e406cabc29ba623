// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAlertsAreExplained: the runbook has a section for each alert, and for no other.
func TestAlertsAreExplained(t *testing.T) {
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(contents(t, "charts/capi-inventory/templates/alerts.yaml"), -1)
	if len(alerts) == 0 {
		t.Fatal("there are no alerts")
	}
	known := map[string]bool{}
	runbook := contents(t, "docs/operations.md")
	for _, alert := range alerts {
		known[alert[1]] = true
		if !strings.Contains(runbook, "\n### "+alert[1]+"\n") {
			t.Errorf("docs/operations.md has no section %s", alert[1])
		}
	}
	for _, section := range regexp.MustCompile(`(?m)^### (CAPIInventory\w+)$`).FindAllStringSubmatch(runbook, -1) {
		if !known[section[1]] {
			t.Errorf("docs/operations.md has a section %s, and there is no such alert", section[1])
		}
	}
}

// TestReasonsAreExplained: the tables of docs/troubleshooting.md have a row for each reason of a condition and each problem, and for no
// other.
func TestReasonsAreExplained(t *testing.T) {
	explained := map[string]bool{}
	guide := contents(t, "docs/troubleshooting.md")
	for _, match := range regexp.MustCompile("(?m)^\\| `([A-Z]\\w+)` \\|").FindAllStringSubmatch(guide, -1) {
		explained[match[1]] = true
	}
	known := map[string]bool{}
	for _, reason := range slices.Concat(reasons(t), problems(t)) {
		known[reason.value] = true
		if !explained[reason.value] {
			t.Errorf("docs/troubleshooting.md has no row for %s", reason.value)
		}
	}
	for name := range explained {
		if !known[name] {
			t.Errorf("docs/troubleshooting.md has a row for %s, which does not exist", name)
		}
	}
}

// TestScalingFlags: the table of flags in docs/operations.md names flags that the programs have.
func TestScalingFlags(t *testing.T) {
	flags := map[string]string{}
	for _, section := range strings.Split(contents(t, "docs/reference.md"), "\n## ")[1:] {
		program, usage, _ := strings.Cut(section, "\n")
		flags[program] = usage
	}
	withFlags := regexp.MustCompile("(?m)^\\| (publisher|broker|consumer) (`--.*?) \\|")
	rows := withFlags.FindAllStringSubmatch(contents(t, "docs/operations.md"), -1)
	if len(rows) == 0 {
		t.Fatal("docs/operations.md has no table of flags")
	}
	for _, row := range rows {
		for _, flag := range regexp.MustCompile(`--[\w-]+`).FindAllString(row[2], -1) {
			if !strings.Contains(flags[row[1]], " "+flag+" ") {
				t.Errorf("docs/operations.md has a row for %s of the %s, which has no such flag", flag, row[1])
			}
		}
	}
}

// TestProofsExist: a test that a document names as proof is there.
func TestProofsExist(t *testing.T) {
	// A name without a package is of the publisher; the others, of a folder with that name.
	proof := regexp.MustCompile("`(?:(\\w+)\\.)?((?:Test|Fuzz)[A-Z]\\w*)`")
	known := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, test := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(raw), -1) {
			known[filepath.Base(filepath.Dir(path))+"."+test[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{"docs/architecture.md", "docs/security.md", "docs/reconcile.md"} {
		named := proof.FindAllStringSubmatch(contents(t, document), -1)
		if len(named) == 0 {
			t.Errorf("%s names no test", document)
		}
		for _, test := range named {
			folder := test[1]
			if folder == "" {
				folder = "publisher"
			}
			if !known[folder+"."+test[2]] {
				t.Errorf("%s names %s.%s, which does not exist", document, folder, test[2])
			}
		}
	}
}
