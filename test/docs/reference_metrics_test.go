// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// metricsReference returns the section of metrics: those that the programs register when they run on a hub.
func metricsReference(t *testing.T) string {
	t.Helper()
	h := startHub(t)
	registries := map[string]*prometheus.Registry{}
	for program, start := range map[string]func(*testing.T, prometheus.Registerer){
		"publisher": h.startPublisher,
		"broker":    h.startBroker,
		"consumer":  h.startConsumer,
	} {
		registries[program] = prometheus.NewRegistry()
		start(t, registries[program])
	}
	types := metricTypes(t)
	// The programs register when the APIs that they need are found.
	NewWithT(t).Eventually(func() []string {
		names := map[string]metric{}
		for _, registry := range registries {
			maps.Copy(names, described(t, registry))
		}
		return slices.Collect(maps.Keys(names))
	}).WithTimeout(2*time.Minute).Should(ConsistOf(slices.Collect(maps.Keys(types))), "the metrics in the source are registered")

	for _, registry := range registries {
		lintMetrics(t, registry)
	}
	section := "\n## Metrics\n\nBeside these, the programs have those of controller-runtime and of Go.\n\n" +
		"| Of | Metric | Type | Labels | Means |\n|---|---|---|---|---|\n"
	for _, program := range []string{"publisher", "consumer", "broker"} {
		metrics := described(t, registries[program])
		for _, name := range slices.Sorted(maps.Keys(metrics)) {
			var labels []string
			for _, label := range metrics[name].labels {
				labels = append(labels, code(label))
			}
			section += row(program, code(name), types[name], strings.Join(labels, ", "), metrics[name].help)
		}
	}
	return section
}

// lintMetrics checks names and units as `promtool check metrics` does. controller-runtime's own metrics are not in the registries.
func lintMetrics(t *testing.T, registry *prometheus.Registry) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

// metric is what a registry knows of a metric. Its type is not known before there is a value.
type metric struct {
	help   string
	labels []string
}

// descriptor is a description as text, for it has no accessors.
var descriptor = regexp.MustCompile(`^Desc\{fqName: ("\w+"), help: ("(?:[^"\\]|\\.)*"), .*variableLabels: \{([\w,]*)\}\}$`)

// described returns the metrics of a registry by their names.
func described(t *testing.T, registry *prometheus.Registry) map[string]metric {
	t.Helper()
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		registry.Describe(descriptions)
	}()
	found := map[string]metric{}
	for description := range descriptions {
		match := descriptor.FindStringSubmatch(description.String())
		if match == nil {
			t.Errorf("a description of another form: %s", description)
			continue
		}
		name, _ := strconv.Unquote(match[1])
		help, _ := strconv.Unquote(match[2])
		found[name] = metric{help, strings.FieldsFunc(match[3], func(r rune) bool { return r == ',' })}
	}
	return found
}

// metricTypes returns the type of each metric in the source, by its name.
func metricTypes(t *testing.T) map[string]string {
	t.Helper()
	types := map[string]string{}
	for _, file := range sources(t, "cmd/*.go", "controllers/*.go", "internal/*.go") {
		// What NewDesc makes has a type only in the values that are collected, which are of one type in each file.
		constructor, collected := "", map[string]bool{}
		ofFile := map[string]string{}
		ast.Inspect(file.File, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.SelectorExpr:
				if name, isNew := strings.CutPrefix(node.Sel.Name, "New"); isNew && typeName(node.X) == "prometheus" {
					constructor = strings.ToLower(strings.TrimSuffix(name, "Vec"))
				}
				if value, isType := strings.CutSuffix(node.Sel.Name, "Value"); isType && typeName(node.X) == "prometheus" {
					collected[strings.ToLower(value)] = true
				}
			case *ast.BasicLit:
				if name, _ := literal(node); strings.HasPrefix(name, "capi_inventory_") {
					ofFile[name] = constructor // the constructor comes before its arguments
				}
			}
			return true
		})
		if len(collected) > 1 {
			t.Errorf("%s collects metrics of several types: which is of which?", file.path)
		}
		for name, kind := range ofFile {
			types[name] = kind
			for value := range collected {
				if kind == "desc" {
					types[name] = value
				}
			}
		}
	}
	return types
}
