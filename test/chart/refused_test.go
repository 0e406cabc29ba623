// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"strings"
	"testing"
)

// TestRefusesValues: a value that cannot work is refused when the chart is rendered, and not by the API server, which may have
// taken half of the release by then, or by a container that ends at once.
func TestRefusesValues(t *testing.T) {
	const asksForAccess = "{name: kubeconfig-secretreader, serviceAccount: {clusterRoles: [view]}}"
	const exec = "{name: mine, execConfig: {apiVersion: client.authentication.k8s.io/v1, command: mine}}"
	cases := map[string]struct{ values, says string }{
		"Misspelt":           {"publisher: {replica: 2}", "replica"},
		"Nested":             {"metrics: {rules: {enable: true}}", "enable"},
		"InventoryName":      {"inventories: [{name: Not_A_Name}]", "Not_A_Name"},
		"InventoryNamelong":  {"inventories: [{name: " + strings.Repeat("a", 64) + "}]", "63"},
		"Interval":           {"consumer: {interval: 30}", "interval"},
		"Workers":            {"consumer: {workers: 0}", "workers"},
		"Permission":         {"consumer: {requirePermissions: [pods]}", "requirePermissions"},
		"Install":            {"clusterProfileCRD: {install: sometimes}", "install"},
		"Uninstall":          {"uninstall: {profiles: delete}", "profiles"},
		"Digest":             {"publisher: {image: {digest: v1}}", "digest"},
		"Namespace":          {"publisher: {namespaces: [team/a]}", "team/a"},
		"AccountWithoutName": {"publisher: {serviceAccount: {create: false}}", "publisher.serviceAccount.name: must be set"},
		"NoProviders":        {"consumer: {providers: []}", "providers"},
		"ProviderTwice":      {"consumer: {providers: [" + exec + ", " + exec + "]}", `consumer.providers: "mine" is there twice`},
		"ProviderVersion":    {"consumer: {providers: [{name: mine, execConfig: {apiVersion: v1, command: mine}}]}", "apiVersion"},
		"ProviderCommand": {
			"consumer: {providers: [{name: mine, execConfig: {apiVersion: client.authentication.k8s.io/v1}}]}",
			"command",
		},
		"ZeroInterval":    {"consumer: {interval: 0s}", "interval"},
		"ZeroHeartbeat":   {"consumer: {heartbeat: 0h0m0.0s}", "heartbeat"},
		"ZeroTimeout":     {"consumer: {timeout: 0ms}", "timeout"},
		"EndlessInterval": {"consumer: {interval: 99999999h}", "interval"},
		"PluginImageName": {"consumer: {pluginImages: [{name: " + strings.Repeat("a", 57) + ", reference: x}]}", "56"},
		"PluginImageTwice": {
			"consumer: {pluginImages: [{name: a, reference: x}, {name: a, reference: z}]}",
			`consumer.pluginImages: "a" is there twice`,
		},
		"PluginImagePath":    {"consumer: {pluginImages: [{name: a, reference: x, path: 'b:c'}]}", "path"},
		"ConsumerPodLabels":  {"consumer: {podLabels: {app.kubernetes.io/component: other}}", "app.kubernetes.io/component"},
		"PublisherPodLabels": {"publisher: {podLabels: {app.kubernetes.io/name: other}}", "app.kubernetes.io/name"},
		"PodLabelValue":      {"publisher: {podLabels: {a: 'b c'}}", "podLabels"},
		"PodAnnotations":     {"consumer: {podAnnotations: {capi-inventory.dev/providers: x}}", "capi-inventory.dev/providers"},
		"MonitorInterval":    {"metrics: {serviceMonitor: {interval: 1.5m}}", "interval"},
		"MonitorToken":       {"metrics: {serviceMonitor: {authorization: {credentials: {name: token}}}}", "key"},
		"MonitorLabels":      {"metrics: {serviceMonitor: {labels: {helm.sh/chart: x}}}", "helm.sh/chart"},
		"PriorityClass":      {"publisher: {priorityClassName: 'a: b'}", "priorityClassName"},
		"PullSecret":         {"image: {pullSecrets: ['a b']}", "pullSecrets"},
		"Tag":                {"image: {tag: 'v1 # no'}", "tag"},
		"FullName":           {"fullnameOverride: 1st", "fullnameOverride"},
		"InventoryTwice":     {"inventories: [{name: a}, {name: a}]", `inventories: "a" is there twice`},
		"WatchFilter":        {"publisher: {watchFilter: 'a b'}", "watchFilter"},
		"DisruptionBudget":   {"publisher: {podDisruptionBudget: {maxUnavailable: 101%}}", "maxUnavailable"},
		"EnvPath":            {"consumer: {extraEnv: [{name: PATH, value: /bin}]}", "extraEnv"},
		"EnvWithoutName":     {"publisher: {extraEnv: [{value: x}]}", "extraEnv"},
		"VolumeOfTheChart":   {"consumer: {extraVolumes: [{name: providers, emptyDir: {}}]}", "consumer.extraVolumes"},
		"VolumeOfAnImage": {
			"consumer: {pluginImages: [{name: a, reference: x}], extraVolumes: [{name: plugin-a, emptyDir: {}}]}",
			"plugin-a",
		},
		"VolumeTwice": {
			"consumer: {extraVolumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}]}",
			`consumer.extraVolumes: "a" is there twice`,
		},
		"MountOfTheChart": {
			"consumer: {extraVolumes: [{name: a, emptyDir: {}}], extraVolumeMounts: [{name: a, mountPath: /etc/capi-inventory/}]}",
			"/etc/capi-inventory",
		},
		"MountTwice": {
			"consumer: {extraVolumes: [{name: a, emptyDir: {}}], extraVolumeMounts: [{name: a, mountPath: /x}, {name: a, mountPath: /x}]}",
			`consumer.extraVolumeMounts: "/x" is there twice`,
		},
		"MountOfNothing": {
			"consumer: {extraVolumeMounts: [{name: a, mountPath: /x}]}",
			`consumer.extraVolumeMounts: there is no volume "a"`,
		},
		"SecretsOfNoEffect": {
			"consumer: {readSecrets: {namespaces: [team-a]}}",
			"consumer.readSecrets.namespaces: has no effect unless consumer.readSecrets.enabled is true",
		},
		"SecretsOfNoEffectDisabled": {
			"consumer: {readSecrets: {enabled: false, namespaces: [team-a]}}",
			"consumer.readSecrets.namespaces: has no effect",
		},
		"SecretsOfNoEffectScoped": {
			"access: {mode: scoped}\nconsumer: {readSecrets: {namespaces: [team-a]}}",
			"consumer.readSecrets.namespaces: has no effect",
		},
		"ReferencesOfNoEffect": {
			"consumer: {readSecrets: {references: ['*']}}",
			"consumer.readSecrets.references: has no effect unless consumer.readSecrets.enabled is true; consumer.readSecrets.namespaces",
		},
		"ReferencesOfNoEffectScoped": {
			"access: {mode: scoped}\nconsumer: {readSecrets: {references: [team-a]}}",
			"consumer.readSecrets.references: has no effect",
		},
		"AccessMode":      {"access: {mode: none}", "mode"},
		"AccessNamespace": {"access: {mode: scoped, namespaces: [team/a]}", "team/a"},
		"AccessNowhere":   {"access: {mode: scoped}\ninventories: []", "access.namespaces: must list where the broker may write Secrets"},
		"BrokerNowhere":   {"broker: {enabled: true}", "access.namespaces: must list where the broker may write Secrets"},
		"AccessBesideClusters": {
			"access: {mode: scoped}\ninventories: [{name: mine, spec: {accessProviders: [" + asksForAccess + "]}}]",
			`access.namespaces: must list the namespaces of the Clusters where Inventory "mine"`,
		},
		"AccessBesideClustersAsSaid": {
			"access: {mode: scoped}\ninventories: [{name: mine, spec: {namespace: ''}}]",
			`access.namespaces: must list the namespaces of the Clusters where Inventory "mine"`,
		},
		"AccessWithoutBroker": {
			"inventories: [{name: mine, spec: {namespace: argocd, accessProviders: [" + asksForAccess + "]}}]",
			`inventories: "mine" asks for a serviceAccount, which takes a broker`,
		},
		"BrokerConcurrency": {"broker: {concurrency: 0}", "concurrency"},
		"BrokerTimeout":     {"broker: {timeout: 0s}", "timeout"},
		"BrokerPatience":    {"broker: {timeout: 1m1s}", "broker.timeout: must be from 1s to 1m"},
		"BrokerPodLabels":   {"broker: {podLabels: {app.kubernetes.io/name: other}}", "app.kubernetes.io/name"},
		"PublishSeconds":    {"metrics: {rules: {publishSeconds: 60}}", "publishSeconds"},
		"Ports":             {"networkPolicy: {apiServerPorts: []}", "apiServerPorts"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := template(t, c.values); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("want a refusal that names %q, got %v", c.says, err)
			}
		})
	}
}
