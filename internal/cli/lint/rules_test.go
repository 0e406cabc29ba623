// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"bytes"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
)

// ruleCase is a profile that breaks a rule, and who minds.
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
	one := func(consumers ...lint.Consumer) []lint.Consumer { return consumers }
	cases := map[string]ruleCase{
		"Elsewhere":         {why: "three look in their own namespace unless told otherwise", rule: "namespace", change: func(*profile) {}, options: lint.Options{Namespaces: lint.DefaultNamespaces}, consumers: one(lint.Headlamp, lint.ArgoCD, lint.Kueue), verdict: lint.NotVisible},
		"SeenThroughTwin":   {why: "a member that is published there too is seen", rule: "namespace", change: func(*profile) {}, beside: []profile{sound(named("argocd", "fleet-london", 0))}, options: lint.Options{Namespaces: lint.DefaultNamespaces}, consumers: one(lint.Headlamp, lint.Kueue), verdict: lint.NotVisible},
		"Ignored":           {why: "the chart's selector looks for the label, whatever its value", rule: "ignored", change: label("headlamp.dev/ignore", "false"), consumers: one(lint.Headlamp), verdict: lint.NotVisible},
		"Unhealthy":         {why: "a gate is shut unless True", rule: "healthy", change: health(metav1.ConditionFalse), consumers: one(lint.Knative, lint.MulticlusterRuntime), verdict: lint.No},
		"HealthUnknown":     {why: "Unknown is not True", rule: "healthy", change: health(metav1.ConditionUnknown), consumers: one(lint.Knative, lint.MulticlusterRuntime), verdict: lint.No},
		"HealthMissing":     {why: "KubeFleet and Headlamp's sample leave it out at first", rule: "healthy", change: func(p *profile) { p.Status.Conditions = nil }, consumers: one(lint.Knative, lint.MulticlusterRuntime), verdict: lint.No},
		"ShownAsUnhealthy":  {why: "False overrides what Headlamp sees itself", rule: "unhealthy", change: health(metav1.ConditionFalse), consumers: one(lint.Headlamp), verdict: lint.Partly},
		"NoAccess":          {why: "there is nothing to take", rule: "access-providers", change: ways(), consumers: all, verdict: lint.No},
		"OnlyDeprecated":    {why: "Headlamp has never read the deprecated list", rule: "access-providers", change: deprecated, consumers: one(lint.Headlamp), verdict: lint.No},
		"Deprecated":        {why: "it works, with a warning, until v1alpha2", rule: "deprecated-list", change: deprecated, consumers: append(without(all, lint.Headlamp), lint.Conformance), verdict: lint.Partly},
		"ReservedName":      {why: "Argo CD refuses a name of its own that it does not have", rule: "reserved-name", change: func(p *profile) { p.Status.AccessProviders[0].Name = "argo-cd-builtin-ibm" }, consumers: one(lint.ArgoCD), verdict: lint.No},
		"UnusualName":       {why: "an administrator may have added it, Sveltos knows one name", rule: "provider-name", change: plugin(), consumers: all, verdict: lint.Partly},
		"UnknownName":       {why: "a provider file without the name leaves nothing to take", rule: "provider-name", change: plugin(), options: lint.Options{Providers: []string{"kubeconfig-secretreader"}, Consumers: dialling}, consumers: dialling, verdict: lint.No},
		"BuiltinName":       {why: "Argo CD needs no provider file for it", rule: "provider-name", change: func(p *profile) { p.Status.AccessProviders[0].Name = "argo-cd-builtin-aws" }, consumers: without(all, lint.ArgoCD), verdict: lint.Partly},
		"SecretReaderFirst": {why: "two samples list it first", rule: "first-provider", change: ways(access("kubeconfig-secretreader", `{"name":"a","key":"b","namespace":"c"}`), access("secretreader", `{"clusterName":"a"}`)), consumers: one(lint.Headlamp, lint.Knative), verdict: lint.Partly},

		"NoServer":         {why: "plugins refuse to run without; Sveltos copies the kubeconfig", rule: "server", change: server(""), consumers: dialling, verdict: lint.No},
		"NoServerToDial":   {why: "without a kubeconfig to copy, Sveltos dials too", rule: "server", change: plugin(func(p *provider) { p.Cluster.Server = "" }), consumers: all, verdict: lint.No},
		"HostPort":         {why: "client-go takes it, the exec protocol does not", rule: "server-url", change: plugin(func(p *provider) { p.Cluster.Server = "10.0.0.1:6443" }), consumers: all, verdict: lint.No},
		"Path":             {why: "a path has no host", rule: "server-url", change: server("https:///london"), consumers: dialling, verdict: lint.No},
		"BareIPv6":         {why: "Kueue finds no port and keeps the brackets", rule: "server-host", change: server("https://[fd00::1]"), consumers: one(lint.Kueue), verdict: lint.No},
		"Underscore":       {why: "no DNS name has one", rule: "server-host", change: server("https://my_cluster:6443"), consumers: one(lint.Kueue), verdict: lint.No},
		"Loopback":         {why: "it is another machine to every reader", rule: "server-local", change: plugin(func(p *provider) { p.Cluster.Server = "https://127.0.0.1:6443" }), consumers: all, verdict: lint.Partly},
		"NotPEM":           {why: "no reader can load it", rule: "ca-pem", change: plugin(func(p *provider) { p.Cluster.CertificateAuthorityData = []byte("none") }), consumers: all, verdict: lint.No},
		"ManyCertificates": {why: "the variable it travels in has a limit", rule: "ca-size", change: plugin(func(p *provider) { p.Cluster.CertificateAuthorityData = bytes.Repeat(authority, 1000) }), consumers: all, verdict: lint.No},
		"NoCertificates":   {why: "that is right for some, such as GKE's gateway", rule: "ca-missing", change: plugin(func(p *provider) { p.Cluster.CertificateAuthorityData = nil }), consumers: all, verdict: lint.Partly},
		"CAAndInsecure":    {why: "the others never see insecure", rule: "ca-and-insecure", change: firstProvider(func(p *provider) { p.Cluster.InsecureSkipTLSVerify = true }), consumers: one(lint.ArgoCD), verdict: lint.No},
		"Insecure":         {why: "the library drops it", rule: "tls-fields", change: plugin(func(p *provider) { p.Cluster.InsecureSkipTLSVerify = true }), consumers: library, verdict: lint.Partly},
		"ServerName":       {why: "the library drops it, Argo CD does not use the library", rule: "tls-fields", change: plugin(func(p *provider) { p.Cluster.TLSServerName = "kubernetes" }), consumers: library, verdict: lint.Partly},
		"Proxy":            {why: "one drops it, one does not notice a new one", rule: "proxy-url", change: plugin(func(p *provider) { p.Cluster.ProxyURL = "http://proxy:3128" }), consumers: one(lint.Sveltos, lint.Knative), verdict: lint.Partly},
		"SameServer":       {why: "Argo CD knows clusters by their servers", rule: "one-server", change: func(*profile) {}, beside: []profile{sound(named("fleet", "paris", 0), label(v1alpha1.LabelInventoryMemberID, "member-2"))}, consumers: one(lint.ArgoCD), verdict: lint.Partly},

		"NoExtension":        {why: "Headlamp's sample has none for a plugin of its own; ours cannot do without", rule: "extension", change: ways(access("kubeconfig-secretreader", "")), consumers: all, verdict: lint.No},
		"NullExtension":      {why: "null is as good as none", rule: "extension", change: ways(access("kubeconfig-secretreader", "null")), consumers: all, verdict: lint.No},
		"ListExtension":      {why: "a plugin cannot read it", rule: "extension", change: ways(access("kubeconfig-secretreader", "[]")), consumers: all, verdict: lint.No},
		"NoSecretName":       {why: "name has no default", rule: "extension", change: ways(access("kubeconfig-secretreader", `{"key":"value"}`)), consumers: all, verdict: lint.No},
		"NoSecretKey":        {why: "key has no default", rule: "extension", change: ways(access("kubeconfig-secretreader", `{"name":"a"}`)), consumers: all, verdict: lint.No},
		"NoClusterName":      {why: "the other plugin's only parameter", rule: "extension", change: ways(access("secretreader", `{"name":"a"}`)), consumers: all, verdict: lint.No},
		"NoSecretNamespace":  {why: "the two defaults contradict each other", rule: "extension-namespace", change: ways(access("kubeconfig-secretreader", `{"name":"a","key":"b"}`)), consumers: all, verdict: lint.Partly},
		"ExtensionTwice":     {why: "the library fails as a whole", rule: "extension-twice", change: plugin(extend("x", "{}"), extend("x", "{}")), consumers: library, verdict: lint.No},
		"Arguments":          {why: "an object is accepted and cannot be read", rule: "extension-arguments", change: plugin(extend(args, `{"a":"b"}`)), consumers: all, verdict: lint.Partly},
		"Environment":        {why: "these share one configuration between profiles", rule: "extension-environment", change: plugin(extend(envs, "null")), consumers: one(lint.Sveltos, lint.Knative, lint.MulticlusterRuntime), verdict: lint.Partly},
		"ArgumentsAsTheyAre": {why: "the API server refuses what the KEP shows", rule: "schema", change: plugin(extend(args, `["--a"]`)), consumers: one(lint.Conformance), verdict: lint.No},

		"YoungerTwin":        {why: "Argo CD takes the older", rule: "one-member", change: func(*profile) {}, beside: []profile{sound(named("fleet", "london-2", time.Hour))}, consumers: one(lint.ArgoCD), verdict: lint.No},
		"TwinOfSameAge":      {why: "Argo CD takes neither", rule: "one-member", change: func(*profile) {}, beside: []profile{sound(named("fleet", "london-2", 0))}, consumers: one(lint.ArgoCD), verdict: lint.No},
		"OlderTwin":          {why: "this is the one that is taken", rule: "one-member", change: func(*profile) {}, beside: []profile{sound(named("fleet", "london-2", -time.Hour))}, verdict: lint.No},
		"SameID":             {why: "an ID is for one member", rule: "member-id-unique", change: func(*profile) {}, beside: []profile{sound(named("fleet", "london-2", 0))}, consumers: one(lint.Conformance), verdict: lint.Partly},
		"SameIDOfOther":      {why: "an ID is unique in an inventory, regardless of which cluster manager created the objects", rule: "member-id-unique", change: func(*profile) {}, beside: []profile{sound(named("fleet", "london-2", 0), managedBy("other"))}, consumers: one(lint.Conformance), verdict: lint.Partly},
		"SameIDElsewhere":    {why: "another namespace is another inventory", rule: "member-id-unique", change: func(*profile) {}, beside: []profile{sound(named("argocd", "london", 0))}, verdict: lint.Partly},
		"TwinOfOther":        {why: "Argo CD does not ask who the manager is", rule: "one-member", change: func(*profile) {}, beside: []profile{sound(named("fleet", "london-2", time.Hour), managedBy("other"))}, consumers: one(lint.ArgoCD), verdict: lint.No},
		"SameServerOfOther":  {why: "nor which Inventory or manager a server is of, nor for the slash at its end", rule: "one-server", change: func(*profile) {}, beside: []profile{sound(named("fleet", "paris", 0), managedBy("other"), label(v1alpha1.LabelInventoryMemberID, "member-2"), server("https://london.example.com:6443/"))}, consumers: one(lint.ArgoCD), verdict: lint.Partly},
		"SeenByOther":        {why: "the same ID by another manager in another namespace may be another member", rule: "namespace", change: func(*profile) {}, beside: []profile{sound(named("argocd", "london", 0), managedBy("other"))}, options: lint.Options{Namespaces: lint.DefaultNamespaces}, consumers: one(lint.Headlamp, lint.ArgoCD, lint.Kueue), verdict: lint.NotVisible},
		"PerhapsElsewhere":   {why: "what may not be read may be there", rule: "namespace", change: func(*profile) {}, options: lint.Options{Namespaces: lint.DefaultNamespaces, Seen: sets.New("fleet")}, consumers: one(lint.Headlamp, lint.ArgoCD, lint.Kueue), verdict: lint.Partly},
		"SurelyNotElsewhere": {why: "what may be read and is not there is not there", rule: "namespace", change: func(*profile) {}, options: lint.Options{Namespaces: lint.DefaultNamespaces, Seen: sets.New("fleet", "argocd", "headlamp", "kueue-system")}, consumers: one(lint.Headlamp, lint.ArgoCD, lint.Kueue), verdict: lint.NotVisible},
		"EmptyID":            {why: "set and empty says that there is none", rule: "member-id", change: label(v1alpha1.LabelInventoryMemberID, ""), consumers: one(lint.ArgoCD), verdict: lint.Partly},
		"Twice":              {why: "who reads all namespaces takes each profile for a cluster", rule: "one-profile", change: func(*profile) {}, beside: []profile{sound(named("argocd", "fleet-london", 0))}, consumers: one(lint.Sveltos, lint.MulticlusterRuntime), verdict: lint.Partly},
		"ArgoLabel":          {why: "labels are copied to a Secret that Argo CD reads", rule: "argocd-labels", change: label("argocd.argoproj.io/secret-type", "repository"), consumers: one(lint.ArgoCD), verdict: lint.Partly},
		"LongNames":          {why: "63 characters are left for both and a hyphen", rule: "name-length", change: named("fleet", strings.Repeat("a", 58), 0), consumers: one(lint.ArgoCD), verdict: lint.Partly},

		"OtherLabel":     {why: "the label is how readers filter", rule: "manager-label", change: label(inventoryv1alpha1.LabelClusterManagerKey, "other"), consumers: one(lint.Conformance), verdict: lint.No},
		"ManagerName":    {why: "v1alpha1 takes any text", rule: "manager-name", change: func(p *profile) { p.Spec.ClusterManager.Name = "My Manager" }, consumers: one(lint.Conformance), verdict: lint.Partly},
		"Incomplete":     {why: "Headlamp's sample is", rule: "complete", change: func(p *profile) { p.Status.Version.Kubernetes = "" }, consumers: one(lint.Conformance), verdict: lint.Partly},
		"ProxyOfNoKind":  {why: "v1alpha2 will refuse it", rule: "v1alpha2", change: firstProvider(func(p *provider) { p.Cluster.ProxyURL = "ftp://proxy" }), consumers: one(lint.Conformance), verdict: lint.Partly},
		"ServerTooLong":  {why: "v1alpha2 will refuse it", rule: "v1alpha2", change: server("https://a/" + strings.Repeat("a", 2048)), consumers: one(lint.Conformance), verdict: lint.Partly},
		"ServerOfNoKind": {why: "v1alpha2 will refuse it", rule: "v1alpha2", change: server("london"), consumers: one(lint.Conformance), verdict: lint.Partly},
	}
	// Two consumers have a rule of the same name and another verdict.
	cases["VeryLongName"] = ruleCase{why: "Sveltos puts 19 characters after it", rule: "name-length", change: named("fleet", strings.Repeat("a", 240), 0), options: lint.Options{Consumers: one(lint.Sveltos)}, consumers: one(lint.Sveltos), verdict: lint.No}
	cases["EmptyIDInSuite"] = ruleCase{why: "the suite requires a value", rule: "member-id", change: label(v1alpha1.LabelInventoryMemberID, ""), options: lint.Options{Consumers: one(lint.Conformance)}, consumers: one(lint.Conformance), verdict: lint.No}
	argo := cases["EmptyID"]
	argo.options.Consumers = one(lint.ArgoCD)
	cases["EmptyID"] = argo
	return cases
}
