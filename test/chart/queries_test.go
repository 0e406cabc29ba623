// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule is an alert as Prometheus reads it.
type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// alerts renders all alerts of the chart, with values in YAML.
func alerts(t *testing.T, values string) []rule {
	t.Helper()
	var found []rule
	for _, object := range render(t, values) {
		if object.GetKind() != "PrometheusRule" {
			continue
		}
		typed := as[struct {
			APIVersion string         `json:"apiVersion"`
			Kind       string         `json:"kind"`
			Metadata   map[string]any `json:"metadata"`
			Spec       struct {
				Groups []struct {
					Name  string `json:"name"`
					Rules []rule `json:"rules"`
				} `json:"groups"`
			} `json:"spec"`
		}](t, object)
		for _, group := range typed.Spec.Groups {
			found = append(found, group.Rules...)
		}
	}
	if len(found) == 0 {
		t.Fatal("the chart has no alerts")
	}
	return found
}

// rules are values that turn the alerts on.
const rules = "metrics: {rules: {enabled: true}}\naccess: {mode: scoped}"

// TestAlerts: every alert has an entry that says what to do.
func TestAlerts(t *testing.T) {
	runbook := contents(t, filepath.Join(root, "docs/operations.md"))
	for _, alert := range alerts(t, rules) {
		if alert.For == "" || alert.Annotations["summary"] == "" || alert.Annotations["description"] == "" {
			t.Errorf("%s: must have for, summary and description", alert.Alert)
		}
		if severity := alert.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s: severity %q", alert.Alert, severity)
		}
		if url := alert.Annotations["runbook_url"]; !strings.HasSuffix(url, "/docs/operations.md#"+strings.ToLower(alert.Alert)) {
			t.Errorf("%s: runbook_url %s", alert.Alert, url)
		}
		if !regexp.MustCompile(`(?m)^##+ ` + alert.Alert + `$`).MatchString(runbook) {
			t.Errorf("docs/operations.md has no section %s", alert.Alert)
		}
	}
}

// TestAlertsOfAllPrograms: they cover each program that is installed.
func TestAlertsOfAllPrograms(t *testing.T) {
	for values, services := range map[string]string{
		rules: "capi-inventory-publisher-metrics|capi-inventory-consumer-metrics|capi-inventory-broker-metrics",
		"metrics: {rules: {enabled: true}}\nconsumer: {enabled: false}": "capi-inventory-publisher-metrics",
	} {
		want := `namespace="capi-inventory-system",service=~"` + services + `"}`
		for name, metric := range map[string]string{
			"CAPIInventoryReconcileErrors": "controller_runtime_reconcile_errors_total{",
			"CAPIInventoryMissingAPI":      "capi_inventory_missing_apis{",
		} {
			if !slices.ContainsFunc(alerts(t, values), func(alert rule) bool {
				return alert.Alert == name && strings.Contains(alert.Expr, metric+want)
			}) {
				t.Errorf("with %q, no alert %s asks for %s", values, name, want)
			}
		}
	}
}

// TestAlertsOfALargeFleet: what is wanted, and what is usual among thousands of spokes, alerts nobody where values say so.
func TestAlertsOfALargeFleet(t *testing.T) {
	values := "metrics: {rules: {enabled: true, ignoredProblems: [NotWatched, DuplicateServer], unreachableSpokes: 20}}"
	for name, want := range map[string]string{
		"CAPIInventoryProblems":          `,reason!~"NotWatched|DuplicateServer"}) > 0`,
		"CAPIInventorySpokesUnreachable": `,joined!="false"}) > 20`,
	} {
		if !slices.ContainsFunc(alerts(t, values), func(alert rule) bool {
			return alert.Alert == name && strings.HasSuffix(alert.Expr, want)
		}) {
			t.Errorf("no alert %s ends in %s", name, want)
		}
	}
}

// ofLibraries are the metrics of controller-runtime and of Go's Prometheus client that alerts and dashboard ask for, and the
// labels that are used of them.
var ofLibraries = map[string][]string{
	"leader_election_master_status":             {"name"},
	"controller_runtime_reconcile_errors_total": {"controller"},
	"process_resident_memory_bytes":             nil,
}

// ofTargets are the labels that every metric is given when it is scraped.
var ofTargets = []string{"job", "namespace", "service", "pod"}

// metrics finds the metric that a query asks for.
var metrics = regexp.MustCompile(`\b(capi_inventory|leader_election|controller_runtime|process)_\w+`)

// dashboard returns the queries of all panels.
func dashboard(t *testing.T) []string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(contents(t, filepath.Join(chart, "files/dashboard.json"))), &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	return queries
}

// TestAlertsHavePanels: a person who follows an alert to the dashboard finds there how its metric has been.
func TestAlertsHavePanels(t *testing.T) {
	shown := map[string]bool{}
	for _, query := range dashboard(t) {
		shown[metrics.FindString(query)] = true
	}
	for _, alert := range alerts(t, rules) {
		if metric := metrics.FindString(alert.Expr); !shown[metric] {
			t.Errorf("%s: no panel shows %s", alert.Alert, metric)
		}
	}
}

// TestQueries: an alert on a metric or a label that does not exist never fires.
func TestQueries(t *testing.T) {
	exist := declared(t,
		"controllers/accessgrant/metrics.go",
		"controllers/inventory/metrics.go",
		"controllers/spokecheck/metrics.go",
		"internal/hub/crd_gate.go",
		"internal/publish/state/metrics.go",
		"internal/publish/target/metrics.go",
	)
	maps.Copy(exist, ofLibraries)
	var queries []string
	for _, alert := range alerts(t, rules) {
		queries = append(queries, alert.Expr)
	}
	queries = append(queries, dashboard(t)...)
	var (
		texts  = regexp.MustCompile(`"[^"]*"`)
		labels = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"|\bby \(([^)]*)\)`)
	)
	for _, query := range queries {
		asked := metrics.FindString(texts.ReplaceAllString(query, `""`))
		name, histogram := strings.CutSuffix(asked, "_bucket")
		known, exists := exist[name]
		if !exists {
			t.Errorf("%s: nobody counts %q", query, name)
			continue
		}
		for _, found := range labels.FindAllStringSubmatch(query, -1) {
			for _, label := range strings.FieldsFunc(found[1]+","+found[2], func(r rune) bool { return r == ',' || r == ' ' }) {
				bucket := histogram && label == "le"
				if !bucket && !slices.Contains(known, label) && !slices.Contains(ofTargets, label) {
					t.Errorf("%s: %s has no label %s", query, name, label)
				}
			}
		}
	}
}

// declared reads from our sources which metrics there are, and the labels of each.
func declared(t *testing.T, paths ...string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			if function, ok := call.Fun.(*ast.SelectorExpr); !ok || !strings.HasPrefix(function.Sel.Name, "New") {
				return true
			}
			name, labels := metricOf(call)
			if name != "" {
				found[name] = labels
			}
			return name == ""
		})
	}
	return found
}

// metricOf finds the name and the labels among the arguments of a metric's constructor.
func metricOf(call *ast.CallExpr) (name string, labels []string) {
	text := func(expression ast.Expr) string {
		literal, ok := expression.(*ast.BasicLit)
		if !ok {
			return ""
		}
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			return ""
		}
		return value
	}
	ast.Inspect(call, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.BasicLit:
			if value := text(node); name == "" && strings.HasPrefix(value, "capi_inventory_") {
				name = value
			}
		case *ast.CompositeLit:
			if list, ok := node.Type.(*ast.ArrayType); ok && types.ExprString(list.Elt) == "string" {
				for _, label := range node.Elts {
					labels = append(labels, text(label))
				}
			}
		}
		return true
	})
	return name, labels
}
