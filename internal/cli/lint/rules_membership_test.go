// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
)

func one(consumers ...lint.Consumer) []lint.Consumer { return consumers }

// membershipCases break the rules about members, names, and conformance.
func membershipCases() map[string]ruleCase {
	return map[string]ruleCase{
		"YoungerProfile": {
			why:       "Argo CD uses the older one",
			rule:      "one-member",
			change:    func(*profile) {},
			beside:    []profile{sound(named("fleet", "london-2", time.Hour))},
			consumers: one(lint.ArgoCD),
			verdict:   lint.No,
		},
		"ProfileOfSameAge": {
			why:       "Argo CD uses neither",
			rule:      "one-member",
			change:    func(*profile) {},
			beside:    []profile{sound(named("fleet", "london-2", 0))},
			consumers: one(lint.ArgoCD),
			verdict:   lint.No,
		},
		"OlderProfile": {
			why:     "Argo CD uses this one",
			rule:    "one-member",
			change:  func(*profile) {},
			beside:  []profile{sound(named("fleet", "london-2", -time.Hour))},
			verdict: lint.No,
		},
		"SameID": {
			why:       "an ID identifies one member",
			rule:      "member-id-unique",
			change:    func(*profile) {},
			beside:    []profile{sound(named("fleet", "london-2", 0))},
			consumers: one(lint.Conformance),
			verdict:   lint.Partly,
		},
		"SameIDOfOther": {
			why:       "an ID is unique in an inventory, regardless of which cluster manager created the objects",
			rule:      "member-id-unique",
			change:    func(*profile) {},
			beside:    []profile{sound(named("fleet", "london-2", 0), managedBy("other"))},
			consumers: one(lint.Conformance),
			verdict:   lint.Partly,
		},
		"SameIDElsewhere": {
			why:     "another namespace is another inventory",
			rule:    "member-id-unique",
			change:  func(*profile) {},
			beside:  []profile{sound(named("argocd", "london", 0))},
			verdict: lint.Partly,
		},
		"SameMemberOfOther": {
			why:       "Argo CD ignores the cluster manager",
			rule:      "one-member",
			change:    func(*profile) {},
			beside:    []profile{sound(named("fleet", "london-2", time.Hour), managedBy("other"))},
			consumers: one(lint.ArgoCD),
			verdict:   lint.No,
		},
		"SameServerOfOther": {
			why:    "Argo CD ignores the Inventory, the manager, and a trailing slash",
			rule:   "one-server",
			change: func(*profile) {},
			beside: []profile{
				sound(named("fleet", "paris", 0), managedBy("other"), label(v1alpha1.LabelInventoryMemberID, "member-2"),
					server("https://london.example.com:6443/")),
			},
			consumers: one(lint.ArgoCD),
			verdict:   lint.Partly,
		},
		"VisibleOfOther": {
			why:       "the same ID by another manager in another namespace may be another member",
			rule:      "namespace",
			change:    func(*profile) {},
			beside:    []profile{sound(named("argocd", "london", 0), managedBy("other"))},
			options:   lint.Options{Namespaces: lint.DefaultNamespaces},
			consumers: one(lint.Headlamp, lint.ArgoCD, lint.Kueue),
			verdict:   lint.NotVisible,
		},
		"PerhapsElsewhere": {
			why:       "a profile that may not be read may be there",
			rule:      "namespace",
			change:    func(*profile) {},
			options:   lint.Options{Namespaces: lint.DefaultNamespaces, Seen: sets.New("fleet")},
			consumers: one(lint.Headlamp, lint.ArgoCD, lint.Kueue),
			verdict:   lint.Partly,
		},
		"SurelyNotElsewhere": {
			why:       "the namespaces may be read, and have no profile",
			rule:      "namespace",
			change:    func(*profile) {},
			options:   lint.Options{Namespaces: lint.DefaultNamespaces, Seen: sets.New("fleet", "argocd", "headlamp", "kueue-system")},
			consumers: one(lint.Headlamp, lint.ArgoCD, lint.Kueue),
			verdict:   lint.NotVisible,
		},
		"EmptyID": {
			why:       "set and empty means that there is none",
			rule:      "member-id",
			change:    label(v1alpha1.LabelInventoryMemberID, ""),
			consumers: one(lint.ArgoCD),
			verdict:   lint.Partly,
		},
		"Twice": {
			why:       "consumers of all namespaces treat each profile as a cluster",
			rule:      "one-profile",
			change:    func(*profile) {},
			beside:    []profile{sound(named("argocd", "fleet-london", 0))},
			consumers: one(lint.Sveltos, lint.MulticlusterRuntime),
			verdict:   lint.Partly,
		},
		"ArgoLabel": {
			why:       "labels are copied to a Secret that Argo CD reads",
			rule:      "argocd-labels",
			change:    label("argocd.argoproj.io/secret-type", "repository"),
			consumers: one(lint.ArgoCD),
			verdict:   lint.Partly,
		},
		"LongNames": {
			why:       "63 characters must hold both and a hyphen",
			rule:      "name-length",
			change:    named("fleet", strings.Repeat("a", 58), 0),
			consumers: one(lint.ArgoCD),
			verdict:   lint.Partly,
		},

		"OtherLabel": {
			why:       "consumers filter by the label",
			rule:      "manager-label",
			change:    label(inventoryv1alpha1.LabelClusterManagerKey, "other"),
			consumers: one(lint.Conformance),
			verdict:   lint.No,
		},
		"ManagerName": {
			why:       "v1alpha1 accepts any text",
			rule:      "manager-name",
			change:    func(p *profile) { p.Spec.ClusterManager.Name = "My Manager" },
			consumers: one(lint.Conformance),
			verdict:   lint.Partly,
		},
		"Incomplete": {
			why:       "Headlamp's sample is incomplete",
			rule:      "complete",
			change:    func(p *profile) { p.Status.Version.Kubernetes = "" },
			consumers: one(lint.Conformance),
			verdict:   lint.Partly,
		},
		"ProxyOfNoKind": {
			why:       "v1alpha2 will reject it",
			rule:      "v1alpha2",
			change:    firstProvider(func(p *provider) { p.Cluster.ProxyURL = "ftp://proxy" }),
			consumers: one(lint.Conformance),
			verdict:   lint.Partly,
		},
		"ServerTooLong": {
			why:       "v1alpha2 will reject it",
			rule:      "v1alpha2",
			change:    server("https://a/" + strings.Repeat("a", 2048)),
			consumers: one(lint.Conformance),
			verdict:   lint.Partly,
		},
		"ServerOfNoKind": {
			why:       "v1alpha2 will reject it",
			rule:      "v1alpha2",
			change:    server("london"),
			consumers: one(lint.Conformance),
			verdict:   lint.Partly,
		},
	}
}
