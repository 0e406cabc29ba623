// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"bytes"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
)

// ruleCase is a profile that breaks a rule, and the consumers that find it.
type ruleCase struct {
	why       string
	rule      string
	change    func(*profile)
	beside    []profile
	options   lint.Options
	consumers []lint.Consumer
	verdict   lint.Verdict
}

const (
	args = "clusterprofiles.multicluster.x-k8s.io/exec/additional-args"
	envs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-envs"
)

func ruleCases(all, library, dialling []lint.Consumer) map[string]ruleCase {
	cases := map[string]ruleCase{
		"Elsewhere": {
			why:       "three read their own namespace only, by default",
			rule:      "namespace",
			change:    func(*profile) {},
			options:   lint.Options{Namespaces: lint.DefaultNamespaces},
			consumers: one(lint.Headlamp, lint.ArgoCD, lint.Kueue),
			verdict:   lint.NotVisible,
		},
		"VisibleElsewhere": {
			why:       "a member that is published there too is visible",
			rule:      "namespace",
			change:    func(*profile) {},
			beside:    []profile{sound(named("argocd", "fleet-london", 0))},
			options:   lint.Options{Namespaces: lint.DefaultNamespaces},
			consumers: one(lint.Headlamp, lint.Kueue),
			verdict:   lint.NotVisible,
		},
		"Ignored": {
			why:       "the chart's selector looks for the label, whatever its value",
			rule:      "ignored",
			change:    label("headlamp.dev/ignore", "false"),
			consumers: one(lint.Headlamp),
			verdict:   lint.NotVisible,
		},
		"Unhealthy": {
			why:       "the condition must be True",
			rule:      "healthy",
			change:    health(metav1.ConditionFalse),
			consumers: one(lint.Knative, lint.MulticlusterRuntime),
			verdict:   lint.No,
		},
		"HealthUnknown": {
			why:       "Unknown is not True",
			rule:      "healthy",
			change:    health(metav1.ConditionUnknown),
			consumers: one(lint.Knative, lint.MulticlusterRuntime),
			verdict:   lint.No,
		},
		"HealthMissing": {
			why:       "KubeFleet and Headlamp's sample leave it out at first",
			rule:      "healthy",
			change:    func(p *profile) { p.Status.Conditions = nil },
			consumers: one(lint.Knative, lint.MulticlusterRuntime),
			verdict:   lint.No,
		},
		"ShownAsUnhealthy": {
			why:       "False overrides Headlamp's own check",
			rule:      "unhealthy",
			change:    health(metav1.ConditionFalse),
			consumers: one(lint.Headlamp),
			verdict:   lint.Partly,
		},
		"NoAccess": {
			why:       "there is nothing to take",
			rule:      "access-providers",
			change:    accessProviders(),
			consumers: all,
			verdict:   lint.No,
		},
		"OnlyDeprecated": {
			why:       "Headlamp has never read the deprecated list",
			rule:      "access-providers",
			change:    deprecated,
			consumers: one(lint.Headlamp),
			verdict:   lint.No,
		},
		"Deprecated": {
			why:       "it works, with a warning, until v1alpha2",
			rule:      "deprecated-list",
			change:    deprecated,
			consumers: append(without(all, lint.Headlamp), lint.Conformance),
			verdict:   lint.Partly,
		},
		"ReservedName": {
			why:       "Argo CD rejects a reserved name that does not exist",
			rule:      "reserved-name",
			change:    func(p *profile) { p.Status.AccessProviders[0].Name = "argo-cd-builtin-ibm" },
			consumers: one(lint.ArgoCD),
			verdict:   lint.No,
		},
		"UnusualName": {
			why:       "an administrator may have added it; Sveltos knows one name",
			rule:      "provider-name",
			change:    plugin(),
			consumers: all,
			verdict:   lint.Partly,
		},
		"UnknownName": {
			why:       "a provider file without the name leaves nothing to take",
			rule:      "provider-name",
			change:    plugin(),
			options:   lint.Options{Providers: []string{"kubeconfig-secretreader"}, Consumers: dialling},
			consumers: dialling,
			verdict:   lint.No,
		},
		"BuiltinName": {
			why:       "Argo CD needs no provider file for it",
			rule:      "provider-name",
			change:    func(p *profile) { p.Status.AccessProviders[0].Name = "argo-cd-builtin-aws" },
			consumers: without(all, lint.ArgoCD),
			verdict:   lint.Partly,
		},
		"SecretReaderFirst": {
			why:  "two samples list it first",
			rule: "first-provider",
			change: accessProviders(access("kubeconfig-secretreader", `{"name":"a","key":"b","namespace":"c"}`),
				access("secretreader", `{"clusterName":"a"}`)),
			consumers: one(lint.Headlamp, lint.Knative),
			verdict:   lint.Partly,
		},

		"NoServer": {
			why:       "plugins fail without it; Sveltos copies the kubeconfig",
			rule:      "server",
			change:    server(""),
			consumers: dialling,
			verdict:   lint.No,
		},
		"NoServerToDial": {
			why:       "without a kubeconfig to copy, Sveltos dials too",
			rule:      "server",
			change:    plugin(func(p *provider) { p.Cluster.Server = "" }),
			consumers: all,
			verdict:   lint.No,
		},
		"HostPort": {
			why:       "client-go accepts it, the exec protocol does not",
			rule:      "server-url",
			change:    plugin(func(p *provider) { p.Cluster.Server = "10.0.0.1:6443" }),
			consumers: all,
			verdict:   lint.No,
		},
		"Path": {
			why:       "a path has no host",
			rule:      "server-url",
			change:    server("https:///london"),
			consumers: dialling,
			verdict:   lint.No,
		},
		"BareIPv6": {
			why:       "Kueue finds no port and keeps the brackets",
			rule:      "server-host",
			change:    server("https://[fd00::1]"),
			consumers: one(lint.Kueue),
			verdict:   lint.No,
		},
		"Underscore": {
			why:       "a DNS name has no underscore",
			rule:      "server-host",
			change:    server("https://my_cluster:6443"),
			consumers: one(lint.Kueue),
			verdict:   lint.No,
		},
		"Loopback": {
			why:       "it is another machine for every consumer",
			rule:      "server-local",
			change:    plugin(func(p *provider) { p.Cluster.Server = "https://127.0.0.1:6443" }),
			consumers: all,
			verdict:   lint.Partly,
		},
		"NotPEM": {
			why:       "no consumer can load it",
			rule:      "ca-pem",
			change:    plugin(func(p *provider) { p.Cluster.CertificateAuthorityData = []byte("none") }),
			consumers: all,
			verdict:   lint.No,
		},
		"ManyCertificates": {
			why:       "the environment variable that holds it has a limit",
			rule:      "ca-size",
			change:    plugin(func(p *provider) { p.Cluster.CertificateAuthorityData = bytes.Repeat(authority, 1000) }),
			consumers: all,
			verdict:   lint.No,
		},
		"NoCertificates": {
			why:       "that is right for some, such as GKE's gateway",
			rule:      "ca-missing",
			change:    plugin(func(p *provider) { p.Cluster.CertificateAuthorityData = nil }),
			consumers: all,
			verdict:   lint.Partly,
		},
		"CAAndInsecure": {
			why:       "the others ignore insecure-skip-tls-verify",
			rule:      "ca-and-insecure",
			change:    firstProvider(func(p *provider) { p.Cluster.InsecureSkipTLSVerify = true }),
			consumers: one(lint.ArgoCD),
			verdict:   lint.No,
		},
		"Insecure": {
			why:       "the library ignores it",
			rule:      "tls-fields",
			change:    plugin(func(p *provider) { p.Cluster.InsecureSkipTLSVerify = true }),
			consumers: library,
			verdict:   lint.Partly,
		},
		"ServerName": {
			why:       "the library ignores it; Argo CD does not use the library",
			rule:      "tls-fields",
			change:    plugin(func(p *provider) { p.Cluster.TLSServerName = "kubernetes" }),
			consumers: library,
			verdict:   lint.Partly,
		},
		"Proxy": {
			why:       "Sveltos ignores it, Knative does not notice a change",
			rule:      "proxy-url",
			change:    plugin(func(p *provider) { p.Cluster.ProxyURL = "http://proxy:3128" }),
			consumers: one(lint.Sveltos, lint.Knative),
			verdict:   lint.Partly,
		},
		"SameServer": {
			why:       "Argo CD identifies clusters by their servers",
			rule:      "one-server",
			change:    func(*profile) {},
			beside:    []profile{sound(named("fleet", "paris", 0), label(v1alpha1.LabelInventoryMemberID, "member-2"))},
			consumers: one(lint.ArgoCD),
			verdict:   lint.Partly,
		},

		"NoExtension": {
			why:       "Headlamp's sample has none, for its own plugin; kubeconfig-secretreader requires it",
			rule:      "extension",
			change:    accessProviders(access("kubeconfig-secretreader", "")),
			consumers: all,
			verdict:   lint.No,
		},
		"NullExtension": {
			why:       "null means none",
			rule:      "extension",
			change:    accessProviders(access("kubeconfig-secretreader", "null")),
			consumers: all,
			verdict:   lint.No,
		},
		"ListExtension": {
			why:       "a plugin cannot read it",
			rule:      "extension",
			change:    accessProviders(access("kubeconfig-secretreader", "[]")),
			consumers: all,
			verdict:   lint.No,
		},
		"NoSecretName": {
			why:       "name has no default",
			rule:      "extension",
			change:    accessProviders(access("kubeconfig-secretreader", `{"key":"value"}`)),
			consumers: all,
			verdict:   lint.No,
		},
		"NoSecretKey": {
			why:       "key has no default",
			rule:      "extension",
			change:    accessProviders(access("kubeconfig-secretreader", `{"name":"a"}`)),
			consumers: all,
			verdict:   lint.No,
		},
		"NoClusterName": {
			why:       "the other plugin's only parameter",
			rule:      "extension",
			change:    accessProviders(access("secretreader", `{"name":"a"}`)),
			consumers: all,
			verdict:   lint.No,
		},
		"NoSecretNamespace": {
			why:       "the defaults of plugins and Sveltos differ",
			rule:      "extension-namespace",
			change:    accessProviders(access("kubeconfig-secretreader", `{"name":"a","key":"b"}`)),
			consumers: all,
			verdict:   lint.Partly,
		},
		"ExtensionTwice": {
			why:       "the library fails as a whole",
			rule:      "extension-twice",
			change:    plugin(extend("x", "{}"), extend("x", "{}")),
			consumers: library,
			verdict:   lint.No,
		},
		"Arguments": {
			why:       "an object is accepted, but consumers cannot parse it",
			rule:      "extension-arguments",
			change:    plugin(extend(args, `{"a":"b"}`)),
			consumers: all,
			verdict:   lint.Partly,
		},
		"Environment": {
			why:       "they share one configuration between profiles",
			rule:      "extension-environment",
			change:    plugin(extend(envs, "null")),
			consumers: one(lint.Sveltos, lint.Knative, lint.MulticlusterRuntime),
			verdict:   lint.Partly,
		},
		"ListArguments": {
			why:       "the API server rejects what the KEP shows",
			rule:      "schema",
			change:    plugin(extend(args, `["--a"]`)),
			consumers: one(lint.Conformance),
			verdict:   lint.No,
		},
	}
	maps.Copy(cases, membershipCases())
	// Two consumers have a rule of the same name and another verdict.
	cases["VeryLongName"] = ruleCase{
		why:       "Sveltos appends 19 characters",
		rule:      "name-length",
		change:    named("fleet", strings.Repeat("a", 240), 0),
		options:   lint.Options{Consumers: one(lint.Sveltos)},
		consumers: one(lint.Sveltos),
		verdict:   lint.No,
	}
	cases["EmptyIDInSuite"] = ruleCase{
		why:       "the suite requires a value",
		rule:      "member-id",
		change:    label(v1alpha1.LabelInventoryMemberID, ""),
		options:   lint.Options{Consumers: one(lint.Conformance)},
		consumers: one(lint.Conformance),
		verdict:   lint.No,
	}
	argo := cases["EmptyID"]
	argo.options.Consumers = one(lint.ArgoCD)
	cases["EmptyID"] = argo
	return cases
}
