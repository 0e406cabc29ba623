// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestAlertsAreExplained: the runbook has a section for each alert.
func TestAlertsAreExplained(t *testing.T) {
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(contents(t, "charts/capi-inventory/templates/rules.yaml"), -1)
	if len(alerts) == 0 {
		t.Fatal("there are no alerts")
	}
	runbook := contents(t, "docs/operations.md")
	for _, alert := range alerts {
		if !strings.Contains(runbook, "\n### "+alert[1]+"\n") {
			t.Errorf("docs/operations.md has no section %s", alert[1])
		}
	}
}

// TestReasonsAreExplained: there is an entry for each reason of a condition, a problem and an Event, and for each metric.
func TestReasonsAreExplained(t *testing.T) {
	runbook := contents(t, "docs/operations.md") + contents(t, "docs/troubleshooting.md")
	explained := func(name, from string) {
		t.Helper()
		if !strings.Contains(runbook, "\n| `"+name+"` |") {
			t.Errorf("neither docs/troubleshooting.md nor docs/operations.md has a row for %s (%s)", name, from)
		}
	}
	for _, file := range []struct {
		path, prefix string
		// before is put before the constant's value to make a reason of it.
		before string
	}{
		{"api/v1alpha1/conditions.go", "Reason", ""},
		{"api/v1alpha1/problems.go", "Problem", ""},
		{"internal/publish/endpoint/rejected_error.go", "", v1alpha1.ProblemKubeconfig},
		{"internal/publish/profile/facts.go", "", v1alpha1.ProblemKubeconfig},
	} {
		values := constants(t, file.path, file.prefix)
		if len(values) == 0 {
			t.Errorf("%s has no reasons", file.path)
		}
		for _, value := range values {
			if value != v1alpha1.ProblemKubeconfig {
				explained(file.before+value, file.path)
			}
		}
	}
	events := regexp.MustCompile(`EventType\w+, "(\w+)"`).FindAllStringSubmatch(contents(t, "controllers/cluster/events.go"), -1)
	if len(events) == 0 {
		t.Error("the publisher has no Event of its own")
	}
	for _, event := range events {
		explained(event[1], "an Event")
	}
	for _, path := range []string{
		"controllers/accessgrant/metrics.go",
		"controllers/inventory/metrics.go",
		"controllers/spokecheck/metrics.go",
		"internal/publish/state/metrics.go",
		"internal/publish/target/metrics.go",
	} {
		for _, metric := range regexp.MustCompile(`"(capi_inventory_\w+)"`).FindAllStringSubmatch(contents(t, path), -1) {
			explained(metric[1], path)
		}
	}
}

// constants are the values of the exported string constants of a file whose names begin so; of those with a type of their own,
// where no beginning is given.
func constants(t *testing.T, path, prefix string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, declaration := range file.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			constant := spec.(*ast.ValueSpec)
			literal, ok := constant.Values[0].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING || !constant.Names[0].IsExported() || prefix == "" && constant.Type == nil ||
				!strings.HasPrefix(constant.Names[0].Name, prefix) {
				continue
			}
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
	}
	return values
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
	for _, document := range []string{"docs/security.md", "docs/reconcile.md"} {
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
