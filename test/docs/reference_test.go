// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/reference.md")

const preface = `# Reference

Fields, conditions and their reasons, problems, Events, metrics, and flags. Generated from the CustomResourceDefinitions, the source and
the programs by ` + "`go test ./test/docs -run TestReference -update`" + `: do not edit.

Elsewhere: what to do about a [reason or a problem](troubleshooting.md) and about an [alert](operations.md#alerts), the
[functions](inventory.md#functions) of expressions, and the [values](../charts/capi-inventory/README.md#values) of the chart. The plugin's
flags for the hub are [kubectl's](kubectl-inventory.md).
`

// TestReference: docs/reference.md has the fields, conditions, reasons, problems, Events, metrics and flags that there are.
func TestReference(t *testing.T) {
	page := preface
	for _, resource := range []string{"inventories", "accessgrants", "spokechecks"} {
		page += kindReference(t, resource)
	}
	page += conditionsReference(t) + problemsReference(t) + eventsReference(t) + metricsReference(t) + flagsReference(t)
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs", "reference.md"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(page, contents(t, "docs/reference.md")); diff != "" {
		t.Errorf("docs/reference.md is out of date; run this test with -update. -want +got:\n%s", diff)
	}
}

// flagsReference returns a section for each program and command: what it prints for --help.
func flagsReference(t *testing.T) string {
	t.Helper()
	programs := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", programs+string(filepath.Separator),
		"./cmd/publisher", "./cmd/broker", "./cmd/consumer", "./cmd/serviceaccount-token", "./cmd/kubectl-inventory")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the programs: %v\n%s", err, out)
	}
	commands := []string{"publisher", "publisher withdraw", "broker", "consumer", "serviceaccount-token"}
	for _, match := range pluginCommand.FindAllStringSubmatch(help(t, programs, "kubectl-inventory"), -1) {
		if match[1] != "completion" && match[1] != "help" {
			commands = append(commands, "kubectl-inventory "+match[1])
		}
	}
	var sections string
	for _, command := range commands {
		printed, _, _ := strings.Cut(help(t, programs, command), "\nGlobal Flags:")
		sections += fmt.Sprintf("\n## %s\n\n```\n%s```\n", strings.Replace(command, "kubectl-", "kubectl ", 1), printed)
	}
	return sections
}

// pluginCommand is a command in the help of the plugin.
var pluginCommand = regexp.MustCompile(`(?m)^  ([a-z]+)  +[A-Z]`)

// help returns what a command of the programs in a folder prints for --help.
func help(t *testing.T, programs, command string) string {
	t.Helper()
	arguments := append(strings.Fields(command), "--help")
	var out bytes.Buffer
	run := exec.CommandContext(t.Context(), filepath.Join(programs, arguments[0]), arguments[1:]...)
	run.Stdout, run.Stderr = &out, &out
	if err := run.Run(); err != nil {
		t.Fatalf("%s --help: %v\n%s", command, err, out.String())
	}
	return out.String()
}
