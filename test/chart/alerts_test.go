// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The series of a scrape; those of a program have the name of its Service.
const (
	ofPublisher = `{namespace="` + namespace + `",service="capi-inventory-publisher-metrics",pod="p1",`
	ofConsumer  = `{namespace="` + namespace + `",service="capi-inventory-consumer-metrics",pod="c1",`
	ofBroker    = `{namespace="` + namespace + `",service="capi-inventory-broker-metrics",pod="b1",`
)

// leads are the series of programs that hold their leads.
var leads = map[string]string{
	`leader_election_master_status` + ofPublisher + `name="publisher.capi-inventory.dev"}`: "1x200",
	`leader_election_master_status` + ofConsumer + `name="capi-inventory-consumer"}`:       "1x200",
	`leader_election_master_status` + ofBroker + `name="capi-inventory-broker"}`:           "1x200",
}

// scrape is what Prometheus has scraped, once a minute in its own notation, and which alerts fire then.
type scrape struct {
	why    string
	series map[string]string
	// at is when the alerts are evaluated.
	at string
	// fires are the summaries of the alerts, by their names.
	fires map[string]string
	// labels are those of the alerts beside severity.
	labels map[string]string
}

var scrapes = map[string]scrape{
	"Healthy": {why: "all three programs lead, and nothing is wrong", series: leads, at: "3h"},
	"NothingScraped": {
		why: "nothing is scraped",
		at:  "10m",
		fires: map[string]string{
			"CAPIInventoryNoPublisher": "No publisher works, so profiles no longer follow their Clusters.",
			"CAPIInventoryNoConsumer":  "No consumer works, so SpokeChecks no longer say what is true.",
			"CAPIInventoryNoBroker":    "No broker works, so no access to spokes is granted, renewed or revoked.",
		},
	},
	"LeadChanges": {
		why: "for a minute nobody leads, and then another pod",
		series: with(map[string]string{
			`leader_election_master_status` + ofPublisher + `name="publisher.capi-inventory.dev"}`: "1x20 0x200",
			`leader_election_master_status{namespace="` + namespace + `",service="capi-inventory-publisher-metrics",pod="p2",` +
				`name="publisher.capi-inventory.dev"}`: "0x22 1x200",
		}),
		at: "27m",
	},
	"Standby": {
		why:    "two pods wait for a lead that nobody holds",
		series: with(map[string]string{`leader_election_master_status` + ofPublisher + `name="publisher.capi-inventory.dev"}`: "0x200"}),
		at:     "10m",
		fires:  map[string]string{"CAPIInventoryNoPublisher": "No publisher works, so profiles no longer follow their Clusters."},
	},
	"Problems": {
		why: "a kubeconfig is malformed",
		series: with(
			map[string]string{`capi_inventory_problems` + ofPublisher + `inventory="argocd",reason="KubeconfigMalformed"}`: "2x60"},
		),
		at: "20m",
		fires: map[string]string{
			"CAPIInventoryProblems": "Inventory argocd could not publish everything: KubeconfigMalformed.",
		},
		labels: map[string]string{"inventory": "argocd", "reason": "KubeconfigMalformed"},
	},
	"ProblemsPass": {
		why:    "a Cluster comes up, and has no kubeconfig for ten minutes",
		series: with(map[string]string{`capi_inventory_problems` + ofPublisher + `inventory="a",reason="KubeconfigMissing"}`: "1x10 0x60"}),
		at:     "20m",
	},
	"WritesFail": {
		why:    "the publisher has started without a right, and tries each minute",
		series: with(map[string]string{`capi_inventory_writes_total` + ofPublisher + `kind="status",result="error"}`: "_x5 1+1x60"}),
		at:     "40m",
		fires:  map[string]string{"CAPIInventoryWritesFail": "The hub refuses writes of profiles (status, error)."},
		labels: map[string]string{"kind": "status", "result": "error"},
	},
	"WriteFailsOnce": {
		why: "one write failed, and many conflicts were no failures",
		series: with(map[string]string{
			`capi_inventory_writes_total` + ofPublisher + `kind="status",result="error"}`:    "0x5 1x60",
			`capi_inventory_writes_total` + ofPublisher + `kind="status",result="conflict"}`: "0+1x60",
			`capi_inventory_writes_total` + ofPublisher + `kind="status",result="success"}`:  "0+9x60",
		}),
		at: "29m",
	},
	"PublishingSlow": {
		why: "every change takes longer than half a minute",
		series: with(map[string]string{
			`capi_inventory_publish_seconds_bucket` + ofPublisher + `le="30"}`:   "0x60",
			`capi_inventory_publish_seconds_bucket` + ofPublisher + `le="60"}`:   "0+1x60",
			`capi_inventory_publish_seconds_bucket` + ofPublisher + `le="+Inf"}`: "0+1x60",
		}),
		at:    "30m",
		fires: map[string]string{"CAPIInventoryPublishingSlow": "Changes of Clusters take 59.7s to reach their profiles."},
	},
	"PublishingFast": {
		why: "every change takes less than a second",
		series: with(map[string]string{
			`capi_inventory_publish_seconds_bucket` + ofPublisher + `le="1"}`:    "0+1x60",
			`capi_inventory_publish_seconds_bucket` + ofPublisher + `le="+Inf"}`: "0+1x60",
		}),
		at: "30m",
	},
	"NothingPublished": {
		why: "nothing has changed for long, so no quantile exists",
		series: with(map[string]string{
			`capi_inventory_publish_seconds_bucket` + ofPublisher + `le="60"}`:   "5x60",
			`capi_inventory_publish_seconds_bucket` + ofPublisher + `le="+Inf"}`: "5x60",
		}),
		at: "30m",
	},
	"MissingAPI": {
		why: "the CRD is deleted",
		series: with(map[string]string{
			`capi_inventory_missing_apis` + ofPublisher + `crd="clusterprofiles.multicluster.x-k8s.io"}`: "0x10 1x60",
		}),
		at: "20m",
		fires: map[string]string{
			"CAPIInventoryMissingAPI": "capi-inventory-publisher-metrics does nothing, because the hub does not serve " +
				"clusterprofiles.multicluster.x-k8s.io.",
		},
		labels: map[string]string{"service": "capi-inventory-publisher-metrics", "crd": "clusterprofiles.multicluster.x-k8s.io"},
	},
	"ReconcileErrors": {
		why: "a controller meets an error each minute",
		series: with(map[string]string{
			`controller_runtime_reconcile_errors_total` + ofConsumer + `controller="spokecheck"}`: "0+1x60",
		}),
		at: "50m",
		fires: map[string]string{
			"CAPIInventoryReconcileErrors": "The controller spokecheck of capi-inventory-consumer-metrics meets errors all the time.",
		},
		labels: map[string]string{"service": "capi-inventory-consumer-metrics", "controller": "spokecheck"},
	},
	"ReconcileErrorsOfOthers": {
		why: "another operator meets errors",
		series: with(map[string]string{
			`controller_runtime_reconcile_errors_total{namespace="others",service="others-metrics",controller="other"}`: "0+1x60",
		}),
		at: "50m",
	},
	"SpokesUnreachable": {
		why: "spokes refuse their tokens; others are not up yet, or are being deleted",
		series: with(map[string]string{
			`capi_inventory_consumer_spokes` + ofConsumer + `joined="true",reason="Unauthorized"}`:      "3x60",
			`capi_inventory_consumer_spokes` + ofConsumer + `joined="unknown",reason="Unauthorized"}`:   "1x60",
			`capi_inventory_consumer_spokes` + ofConsumer + `joined="true",reason="Reachable"}`:         "7x60",
			`capi_inventory_consumer_spokes` + ofConsumer + `joined="false",reason="NoAccessProvider"}`: "2x60",
			`capi_inventory_consumer_spokes` + ofConsumer + `joined="false",reason="ConnectFailed"}`:    "2x60",
		}),
		at: "20m",
		fires: map[string]string{
			"CAPIInventorySpokesUnreachable": "4 spokes cannot be reached with their published access: Unauthorized.",
		},
		labels: map[string]string{"reason": "Unauthorized"},
	},
	"SpokesPending": {
		why:    "the consumer cannot keep up",
		series: with(map[string]string{`capi_inventory_consumer_spokes` + ofConsumer + `joined="true",reason="Pending"}`: "12x60"}),
		at:     "20m",
		fires:  map[string]string{"CAPIInventorySpokesPending": "12 spokes have not been probed yet."},
	},
	"ProbesLate": {
		why: "a spoke waits for its next probe",
		series: with(map[string]string{
			`capi_inventory_consumer_oldest_probe_age_seconds{namespace="` + namespace + `",service="capi-inventory-consumer-metrics"}`: "0+60x60",
		}),
		at:    "25m",
		fires: map[string]string{"CAPIInventoryProbesLate": "A spoke has not been probed for 25m 0s."},
	},
	"AccessExpires": {
		why: "a certificate ends in a week, another in a year",
		series: with(map[string]string{
			`capi_inventory_consumer_expiry_timestamp_seconds` + ofConsumer + `kind="ServingCertificate"}`: "612000x200",
			`capi_inventory_consumer_expiry_timestamp_seconds` + ofConsumer + `kind="ClientCertificate"}`:  "31536000x200",
		}),
		at: "2h",
		fires: map[string]string{
			"CAPIInventoryAccessExpires": "A spoke cannot be reached any more in 7d 0h 0m 0s: ServingCertificate expires.",
		},
		labels: map[string]string{"kind": "ServingCertificate"},
	},
	"GrantsDegraded": {
		why: "spokes do not answer the broker; a standby counts none; others are not up yet, or are being deleted",
		series: with(map[string]string{
			`capi_inventory_broker_degraded_grants` + ofBroker + `reason="SpokeUnreachable"}`: "4x60",
			`capi_inventory_broker_degraded_grants{namespace="` + namespace + `",service="capi-inventory-broker-metrics",pod="b2",` +
				`reason="SpokeUnreachable"}`: "0x60",
			`capi_inventory_broker_degraded_grants` + ofBroker + `reason="ControlPlaneNotInitialized"}`: "2x60",
			`capi_inventory_broker_degraded_grants` + ofBroker + `reason="ClusterDeleting"}`:            "2x60",
		}),
		at: "20m",
		fires: map[string]string{
			"CAPIInventoryGrantsDegraded": "Access to 4 spokes cannot be granted or renewed: SpokeUnreachable.",
		},
		labels: map[string]string{"reason": "SpokeUnreachable"},
	},
	"GrantsExpire": {
		why: "tokens are about to end",
		series: with(map[string]string{
			`capi_inventory_broker_expiring_grants{namespace="` + namespace + `",service="capi-inventory-broker-metrics"}`: "0x10 2x60",
		}),
		at: "15m",
		fires: map[string]string{
			"CAPIInventoryGrantsExpire": "Consumers are about to lose their access to spokes: 2 tokens are not renewed.",
		},
	},
	"RevocationsPending": {
		why: "a spoke is away while its Cluster is deselected",
		series: with(map[string]string{
			`capi_inventory_broker_revocations_pending{namespace="` + namespace + `",service="capi-inventory-broker-metrics"}`: "1x200",
		}),
		at: "2h",
		fires: map[string]string{
			"CAPIInventoryRevocationsPending": "1 ServiceAccounts that are not wanted any more are still on their spokes.",
		},
	},
}

// with returns series beside those of programs that lead.
func with(series map[string]string) map[string]string {
	all := maps.Clone(leads)
	maps.Copy(all, series)
	return all
}

// TestAlertsFire has Prometheus's own engine evaluate all alerts, in every scrape: those fire that must, and no others.
func TestAlertsFire(t *testing.T) {
	found := alerts(t, rules)
	var tests []map[string]any
	fired := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(scrapes)) {
		s := scrapes[name]
		var series, expectations []map[string]any
		for _, one := range slices.Sorted(maps.Keys(s.series)) {
			series = append(series, map[string]any{"series": one, "values": s.series[one]})
		}
		for _, alert := range found {
			firing := []map[string]any{}
			if summary, fires := s.fires[alert.Alert]; fires {
				fired[alert.Alert] = true
				labels := map[string]string{"severity": alert.Labels["severity"]}
				maps.Copy(labels, s.labels)
				firing = append(firing, map[string]any{"exp_labels": labels, "exp_annotations": map[string]string{"summary": summary}})
			}
			expectations = append(expectations, map[string]any{"eval_time": s.at, "alertname": alert.Alert, "exp_alerts": firing})
		}
		tests = append(tests, map[string]any{
			"name": name + ": " + s.why, "interval": "1m", "input_series": series, "alert_rule_test": expectations,
		})
	}
	for _, alert := range found {
		if !fired[alert.Alert] {
			t.Errorf("%s fires in no scrape", alert.Alert)
		}
	}
	folder := t.TempDir()
	writeRules(t, filepath.Join(folder, "rules.json"), found, func(annotation string) bool { return annotation == "summary" })
	writeJSON(t, filepath.Join(folder, "tests.json"), map[string]any{
		"rule_files": []string{"rules.json"}, "evaluation_interval": "1m", "tests": tests,
	})
	promtool(t, "test", "rules", filepath.Join(folder, "tests.json"))
}

// TestRulesAreChecked: Prometheus can parse every alert with its templates, and every query of the dashboard.
func TestRulesAreChecked(t *testing.T) {
	folder := t.TempDir()
	found := alerts(t, rules)
	writeRules(t, filepath.Join(folder, "rules.json"), found, func(string) bool { return true })
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", filepath.Join(folder, "rules.json"))

	queries := []rule{}
	for _, query := range dashboard(t) {
		queries = append(queries, rule{Alert: "Panel", Expr: strings.ReplaceAll(query, "$__rate_interval", "5m")})
	}
	writeRules(t, filepath.Join(folder, "queries.json"), queries, func(string) bool { return true })
	promtool(t, "check", "rules", "--lint=none", filepath.Join(folder, "queries.json"))
}

// writeRules writes alerts as Prometheus reads them, with the annotations that are wanted.
func writeRules(t *testing.T, path string, alerts []rule, wanted func(annotation string) bool) {
	t.Helper()
	written := make([]map[string]any, 0, len(alerts))
	for _, alert := range alerts {
		annotations := maps.Clone(alert.Annotations)
		maps.DeleteFunc(annotations, func(name, _ string) bool { return !wanted(name) })
		one := map[string]any{"alert": alert.Alert, "expr": alert.Expr, "labels": alert.Labels, "annotations": annotations}
		if alert.For != "" {
			one["for"] = alert.For
		}
		written = append(written, one)
	}
	writeJSON(t, path, map[string]any{"groups": []map[string]any{{"name": "capi-inventory", "rules": written}}})
}

func writeJSON(t *testing.T, path string, content any) {
	t.Helper()
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// promtool runs the pinned tool, built without what discovers targets.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	run := []string{"run", "-modfile=go.checks.mod", "-tags=remove_all_sd", "github.com/prometheus/prometheus/cmd/promtool"}
	command := exec.CommandContext(t.Context(), "go", append(run, args...)...)
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, output)
	}
}
