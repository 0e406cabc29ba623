// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

var update = flag.Bool("update", false, "write the table of values into the chart's README")

// tableHead is where the table of the chart's README begins, which goes on to the end of the file.
const tableHead = "| Value | Default | Meaning |\n|---|---|---|\n"

// TestValuesTable: the README of the chart has a row for each value, with what values.yaml says of it.
func TestValuesTable(t *testing.T) {
	document, err := yaml.Parse(contents(t, filepath.Join(chart, "values.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	readme := filepath.Join(chart, "README.md")
	before, table, found := strings.Cut(contents(t, readme), tableHead)
	if !found {
		t.Fatalf("%s has no table of values", readme)
	}
	want := strings.Join(valueRows(t, "", document.YNode()), "")
	if *update {
		if err := os.WriteFile(readme, []byte(before+tableHead+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("the table is out of date; run this test with -update. -want +got:\n%s", diff)
	}
}

// valueRows returns a row for each value below a mapping. A mapping of many lines has a row of its own where it has a comment.
func valueRows(t *testing.T, parent string, mapping *yaml.Node) []string {
	t.Helper()
	var rows []string
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		path, comment := parent+key.Value, remark(key.HeadComment)
		if value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 {
			if comment != "" {
				rows = append(rows, fmt.Sprintf("| `%s` | | %s |\n", path, comment))
			}
			rows = append(rows, valueRows(t, path+".", value)...)
			continue
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", path, preset(t, value), comment))
	}
	return rows
}

// preset returns a default in one line, unless it is long.
func preset(t *testing.T, value *yaml.Node) string {
	t.Helper()
	var decoded any
	if err := value.Decode(&decoded); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(decoded)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 100 {
		return "see [values.yaml](values.yaml)"
	}
	return "`" + string(text) + "`"
}

// remark returns a comment in one line. What is indented in it, or begins like an element of a list, is an example.
func remark(comment string) string {
	var words []string
	for line := range strings.Lines(comment) {
		// The comment at the top of a file stands before the first key, and after an empty line.
		if strings.TrimSpace(line) == "" {
			words = nil
			continue
		}
		text := strings.TrimPrefix(strings.TrimSpace(line), "#")
		if example := strings.TrimSpace(text); strings.HasPrefix(text, "  ") || strings.HasPrefix(example, "- {") {
			words = append(words, "`"+example+"`")
		} else {
			words = append(words, strings.Fields(text)...)
		}
	}
	return strings.ReplaceAll(strings.Join(words, " "), "|", `\|`)
}
