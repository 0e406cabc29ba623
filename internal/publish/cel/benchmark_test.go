// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"fmt"
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// BenchmarkText evaluates what Inventories ask of each Cluster at each reconcile, over an object of ordinary size.
func BenchmarkText(b *testing.B) {
	labels, variables := map[string]any{}, []any{}
	for i := range 20 {
		labels[fmt.Sprintf("label-%d.example.com/name", i)] = fmt.Sprint(i)
		variables = append(variables, map[string]any{"name": fmt.Sprintf("v%d", i), "value": map[string]any{"size": int64(i)}})
	}
	labels["region"] = "eu-1"
	objects := map[string]any{cel.Cluster: map[string]any{
		"metadata": map[string]any{"name": "c1", "namespace": "team-a", "labels": labels},
		"spec":     map[string]any{"topology": map[string]any{"version": "v1.36.3", "variables": variables}},
	}}
	compiler, err := cel.NewCompiler()
	if err != nil {
		b.Fatal(err)
	}
	for name, source := range map[string]string{
		"Label":         "cluster.metadata.labels['region']",
		"Absent":        "cluster.metadata.labels['zone']",
		"Concatenation": "'https://proxy:9092/' + cluster.metadata.name",
		"Strings":       "cluster.metadata.name.replace('c', 'k').upperAscii()",
		"Optional":      "cluster.metadata.?labels['zone'].orValue('none')",
		"Exists":        "cluster.spec.topology.variables.exists(v, v.name == 'v19')",
		"Filter":        "cluster.metadata.labels.filter(k, k.startsWith('label-1')).join(',')",
	} {
		program, err := compiler.Compile(source)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = program.Text(objects)
			}
		})
	}
}

// BenchmarkCompile compiles an expression that an Inventory has already, as an edit of another one does for each.
func BenchmarkCompile(b *testing.B) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compiler.Compile("cluster.metadata.labels['region']"); err != nil {
			b.Fatal(err)
		}
	}
}
