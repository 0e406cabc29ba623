// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import "testing"

// everything turns on all that is off by default, so that nothing is rendered in one combination only.
const everything = everythingInstallable + `
clusterProfileCRD: {install: always}
metrics:
  secure: false
  readers: [{name: prometheus, namespace: monitoring}]
  serviceMonitor: {enabled: true, labels: {release: prometheus}}
  rules: {enabled: true, labels: {release: prometheus}}
  dashboard: {enabled: true}
`

// everythingInstallable leaves out what the hub of these tests refuses: kinds that it does not know, and a CRD that it has.
const everythingInstallable = `
fullnameOverride: fleet
image: {registry: registry.example.com/mirror, tag: v9, pullPolicy: Always, pullSecrets: [pull]}
inventories:
- name: default
  spec: {}
- name: argocd
  spec: {namespace: argocd, labels: {include: [env]}}
access: {mode: scoped, namespaces: [team-b], serviceAccount: {clusterRoles: [edit], tokenTTL: 2h}}
uninstall: {timeoutSeconds: 30}
publisher:
  image: {digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
  replicas: 3
  namespaces: [team-a, team-b]
  profileNamespaces: [monitoring]
  providerGroups: [controlplane.example.com]
  watchFilter: blue
  logLevel: 4
  extraArgs: [--sync-period=1h]
  extraEnv: [{name: GOMEMLIMIT, value: 900MiB}]
  serviceAccount: {annotations: {example.com/role: reader}}
  priorityClassName: system-cluster-critical
  nodeSelector: {kubernetes.io/os: linux}
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [amd64]}]}]}
  podLabels: {example.com/team: platform}
  podAnnotations: {example.com/note: "1"}
consumer:
  readSecrets: {enabled: true, namespaces: [team-a]}
  pluginImages:
  - {name: cloud, reference: "registry.example.com/plugin:v1", path: bin}
  - {name: other, reference: "registry.example.com/other:v1", pullPolicy: Always}
  replicas: 2
  name: inside
  namespaces: [team-a, argocd]
  selector: env in (prod, test)
  clusterManager: cluster-api
  interval: 1m
  honorTLSFields: true
  requirePermissions: [list/pods, create/deployments.apps]
  logLevel: debug
  extraArgs: [--kube-api-qps=10]
  extraEnv: [{name: HTTPS_PROXY, value: "http://proxy.example.com:3128"}]
broker:
  image: {digest: "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"}
  replicas: 2
  concurrency: 5
  timeout: 3s
  logLevel: debug
  extraArgs: [--kube-api-qps=20]
  extraEnv: [{name: GOMEMLIMIT, value: 400MiB}]
  serviceAccount: {annotations: {example.com/role: broker}}
  priorityClassName: system-cluster-critical
  nodeSelector: {kubernetes.io/os: linux}
  podLabels: {example.com/team: platform}
  podAnnotations: {example.com/note: "1"}
networkPolicy:
  enabled: true
  metricsFrom: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
  apiServerTo: [{ipBlock: {cidr: 10.0.0.1/32}}]
`

func TestValues(t *testing.T) {
	for name, c := range map[string]rendering{
		"Defaults": {
			why: "installing is enough",
			has: []string{
				"Deployment/capi-inventory-publisher",
				"Deployment/capi-inventory-consumer",
				"Inventory/default",
				"ConfigMap/capi-inventory-consumer-providers",
				"PodDisruptionBudget/capi-inventory-publisher",
				"CustomResourceDefinition/clusterprofiles.multicluster.x-k8s.io",
			},
			hasNot: []string{
				"ClusterRole/capi-inventory-consumer-secrets",
				"NetworkPolicy/capi-inventory-publisher",
				"ServiceMonitor/capi-inventory-publisher",
				"PrometheusRule/capi-inventory",
				"Deployment/capi-inventory-broker",
				"ServiceAccount/capi-inventory-broker",
			},
			says: []string{
				"image: ghcr.io/capi-inventory/publisher:v0.1.0",
				"helm.sh/resource-policy: keep",
				"value: /plugins",
				"mountPath: /tmp",
				"- --name=capi-inventory-consumer\n",
			},
			saysNot: []string{"--insecure-diagnostics", "--namespace=", "--reference-namespaces", "--name=capi-inventory-consumer-"},
		},
		"Class": {
			why:    "the publisher, its Inventories, its rights, its alert and its consumer are of one class",
			values: `{"publisher": {"class": "blue"}, "metrics": {"rules": {"enabled": true}}, "inventories": [{"name": "default"}]}`,
			has:    []string{"Inventory/default"},
			says: []string{
				"- --publisher-class=blue",
				"publisherClass: blue",
				"- publisher-blue.capi-inventory.dev",
				`name="publisher-blue.capi-inventory.dev"`,
				"- --name=capi-inventory-consumer-blue\n",
				`name="capi-inventory-consumer-blue"`,
			},
			saysNot: []string{`"publisher.capi-inventory.dev"`, "[publisher.capi-inventory.dev]"},
		},
		"Everything": {
			why:    "all that can be turned on, at once",
			values: everything,
			has: []string{
				"Role/team-a/fleet-publisher-clusters",
				"Role/team-b/fleet-publisher-clusters",
				"Role/argocd/fleet-publisher-profiles",
				"Role/monitoring/fleet-publisher-profiles",
				"Role/team-a/fleet-consumer-secrets",
				"Role/argocd/fleet-consumer-profiles",
				"ClusterRole/fleet-publisher-providers",
				"ServiceMonitor/fleet-consumer",
				"PrometheusRule/fleet",
				"ConfigMap/fleet-dashboard",
				"NetworkPolicy/fleet-consumer",
				"ClusterRoleBinding/fleet-metrics-reader",
				"Inventory/argocd",
				"RoleBinding/team-b/fleet-publisher-aggregated",
				"Role/team-a/fleet-broker-clusters",
				"Role/team-b/fleet-broker-grants",
				"Role/argocd/fleet-broker-grants",
				"Role/argocd/fleet-consumer-secrets",
				"ServiceMonitor/fleet-broker",
				"NetworkPolicy/fleet-broker",
				"PodDisruptionBudget/fleet-broker",
			},
			hasNot: []string{
				"ClusterRole/fleet-consumer",
				"ClusterRole/fleet-consumer-secrets",
				"ClusterRoleBinding/fleet-publisher-aggregated",
			},
			says: []string{
				"image: registry.example.com/mirror/publisher@sha256:0123",
				"image: registry.example.com/mirror/consumer:v9",
				"--namespace=team-a,team-b",
				"--namespace=team-a,argocd",
				"--selector=env in (prod, test)",
				"--require-permission=create/deployments.apps\n        - --insecure-diagnostics\n        - --kube-api-qps=10",
				"--zap-log-level=4",
				"image: registry.example.com/mirror/broker@sha256:fedc",
				"--namespace=team-b,argocd\n        - --diagnostics-address=:8443\n        - --health-addr=:9440\n        - --concurrency=5",
				"--timeout=3s\n        - --zap-log-level=debug\n        - --insecure-diagnostics\n        - --kube-api-qps=20",
				"value: /plugins:/plugin-images/cloud/bin:/plugin-images/other",
				"reference: registry.example.com/plugin:v1",
				"- --name=inside\n",
				`name="inside"`,
				"namespace: monitoring",
			},
			saysNot: []string{"insecureSkipVerify"},
		},
		"MonitorWithAToken": {
			why: "some installations of Prometheus may not use the token of their pod",
			values: "metrics: {serviceMonitor: {enabled: true, interval: 1m30s, " +
				"authorization: {credentials: {name: scraper, key: token}}}}",
			has:     []string{"ServiceMonitor/capi-inventory-publisher"},
			says:    []string{"authorization:\n      credentials:\n        key: token\n        name: scraper", "interval: 1m30s"},
			saysNot: []string{"bearerTokenFile"},
		},
		"NullInventories": {
			why:    "others may bring them",
			values: "inventories: null",
			has:    []string{"Deployment/capi-inventory-publisher"},
			hasNot: []string{"Inventory/default"},
		},
		"PublisherOnly": {
			why: "the consumer is optional, and nothing of it remains",
			values: "consumer: {enabled: false, readSecrets: {enabled: true}}\n" +
				"metrics: {serviceMonitor: {enabled: true}, rules: {enabled: true}}\nnetworkPolicy: {enabled: true}",
			has: []string{
				"Deployment/capi-inventory-publisher",
				"ServiceMonitor/capi-inventory-publisher",
				"NetworkPolicy/capi-inventory-publisher",
			},
			hasNot: []string{
				"Deployment/capi-inventory-consumer",
				"ServiceMonitor/capi-inventory-consumer",
				"NetworkPolicy/capi-inventory-consumer",
				"ServiceAccount/capi-inventory-consumer",
				"ClusterRole/capi-inventory-consumer-secrets",
			},
			// The aggregation label and leases are named alike in both.
			saysNot: []string{"capi-inventory-consumer", "capi_inventory_consumer"},
		},
		"ConsumerReadsAllSecrets": {
			why:    "an administrator may decide so",
			values: "consumer: {readSecrets: {enabled: true}}",
			has:    []string{"ClusterRole/capi-inventory-consumer-secrets", "ClusterRoleBinding/capi-inventory-consumer-secrets"},
			// The right to read all Secrets does not let profiles refer to all of them.
			saysNot: []string{"--reference-namespaces"},
		},
		"ConsumerReadsSomeSecrets": {
			why:    "references are followed where Secrets are read",
			values: "consumer: {readSecrets: {enabled: true, namespaces: [team-a, team-b]}}",
			says:   []string{"--reference-namespaces=team-a,team-b"},
		},
		"ConsumerFollowsReferences": {
			why:    "profiles that are published elsewhere than beside their Clusters",
			values: "consumer: {readSecrets: {enabled: true, references: ['*']}}",
			says:   []string{"--reference-namespaces=*"},
		},
		"ConsumerFollowsNoReference": {
			why:     "every profile is beside its Cluster",
			values:  "consumer: {readSecrets: {enabled: true, namespaces: [team-a], references: []}}",
			saysNot: []string{"--reference-namespaces"},
		},
		"ConsumerReadsNoSecret": {
			why:     "there is nothing to follow, and empty lists say no more",
			values:  "consumer: {readSecrets: {enabled: false, namespaces: [], references: []}}",
			hasNot:  []string{"ClusterRole/capi-inventory-consumer-secrets"},
			saysNot: []string{"--reference-namespaces"},
		},
		"NoInventories": {
			why:    "somebody else may manage them",
			values: "inventories: []",
			hasNot: []string{"Inventory/default"},
		},
		"InventoryWithoutSpec": {
			why:    "an empty spec is complete",
			values: "inventories: [{name: all}]",
			has:    []string{"Inventory/all"},
		},
		"NoClusterProfileCRD": {
			why:    "the hub may have the API from elsewhere",
			values: "clusterProfileCRD: {install: never}",
			hasNot: []string{"CustomResourceDefinition/clusterprofiles.multicluster.x-k8s.io"},
		},
		"OwnServiceAccounts": {
			why:    "cloud identities come with an account of their own",
			values: "publisher: {serviceAccount: {create: false, name: mine}}\nconsumer: {serviceAccount: {name: other}}",
			has:    []string{"ServiceAccount/other"},
			hasNot: []string{"ServiceAccount/mine", "ServiceAccount/capi-inventory-publisher"},
			says:   []string{"serviceAccountName: mine", "serviceAccountName: other"},
		},
		"NoExtras": {
			why: "lists and maps may be empty",
			values: "publisher: {topologySpread: [], tolerations: [], resources: null, podDisruptionBudget: {enabled: false}}\n" +
				"consumer: {topologySpread: [], tolerations: [], podDisruptionBudget: {enabled: false}}",
			hasNot:  []string{"PodDisruptionBudget/capi-inventory-publisher", "PodDisruptionBudget/capi-inventory-consumer"},
			saysNot: []string{"topologySpreadConstraints", "tolerations"},
		},
		"Peculiar": {
			why: "strings that YAML would take for something else",
			values: `
inventories: [{name: "123"}]
image: {tag: "1.0", pullSecrets: ["123"]}
publisher:
  {namespaces: ["123"], watchFilter: "on", priorityClassName: "123", serviceAccount: {create: false, name: "123"}, concurrency: 1000000}
consumer:
  {name: "123", namespaces: ["123"], clusterManager: "a: b #c", selector: "a=b", priorityClassName: "123", serviceAccount: {name: "456"},
   readSecrets: {enabled: true, namespaces: ["123"]}}
networkPolicy: {enabled: true}
metrics:
  {readers: [{name: "123", namespace: "123"}], serviceMonitor: {enabled: true}, rules: {enabled: true, runbook: "https://example.com/a b: c"}}
`,
			has: []string{
				"Inventory/123",
				"Role/123/capi-inventory-publisher-clusters",
				"Role/123/capi-inventory-consumer-secrets",
				"ServiceAccount/456",
			},
			says: []string{
				"- '--cluster-manager-name=a: b #c'",
				"--watch-filter=on",
				`priorityClassName: "123"`,
				`- name: "123"`,
				`serviceAccountName: "123"`,
				"resourceNames:\n  - \"123\"\n",
				"--concurrency=1000000",
				"runbook_url: 'https://example.com/a b: c#",
			},
		},
		"PluginsHaveWhatTheyNeed": {
			why: "a place for caches, tokens and Secrets as files, and a provider file that is itself a Secret",
			values: `
consumer:
  providersSecret: my-providers
  tmpSizeLimit: 10Mi
  extraVolumes:
  - {name: token, projected: {sources: [{serviceAccountToken: {audience: "https://example.com", path: token}}]}}
  - {name: cloud, secret: {secretName: cloud}}
  extraVolumeMounts:
  - {name: token, mountPath: /var/run/token, readOnly: true}
  - {name: cloud, mountPath: /var/run/cloud, readOnly: true}
`,
			hasNot: []string{"ConfigMap/capi-inventory-consumer-providers"},
			says: []string{
				"mountPath: /var/run/token",
				"audience: https://example.com",
				"secretName: cloud",
				"mountPath: /tmp",
				"sizeLimit: 10Mi",
				"secretName: my-providers",
			},
		},
		"NetworkPolicy": {
			why:    "spokes are anywhere but at the addresses where clouds serve a node's credentials",
			values: "networkPolicy: {enabled: true}",
			has:    []string{"NetworkPolicy/capi-inventory-publisher", "NetworkPolicy/capi-inventory-consumer"},
			says:   []string{"- 169.254.0.0/16", "port: 6443"},
		},
	} {
		t.Run(name, c.check)
	}
}
