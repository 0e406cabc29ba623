// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

// Consumer is a reader of ClusterProfiles, by its name on the command line.
type Consumer string

// The consumers, and the conformance suite of the Cluster Inventory API, which is as strict as any consumer.
const (
	Headlamp            Consumer = "headlamp"
	ArgoCD              Consumer = "argocd"
	Kueue               Consumer = "kueue"
	Sveltos             Consumer = "sveltos"
	Knative             Consumer = "knative"
	MulticlusterRuntime Consumer = "multicluster-runtime"
	Conformance         Consumer = "conformance"
)

// Consumers lists all consumers that there are rules for, in the order of findings.
var Consumers = []Consumer{Headlamp, ArgoCD, Kueue, Sveltos, Knative, MulticlusterRuntime, Conformance}

// DefaultNamespaces holds the only namespace that a consumer reads in its default installation. Consumers that are not in it read
// all namespaces.
var DefaultNamespaces = map[Consumer]string{Headlamp: "headlamp", ArgoCD: "argocd", Kueue: "kueue-system"}

// Verdict is whether a consumer accepts a profile.
type Verdict string

// The verdicts, from the best to the worst.
const (
	// Yes: the profile keeps all rules of the consumer.
	Yes Verdict = "yes"
	// Partly: the consumer accepts the profile, but a part of it is lost or depends on how the consumer is configured.
	Partly Verdict = "partly"
	// NotVisible: the consumer does not read the profile.
	NotVisible Verdict = "unseen"
	// No: the consumer rejects the profile, or cannot use it.
	No Verdict = "no"
)

var severity = map[Verdict]int{Yes: 0, Partly: 1, NotVisible: 2, No: 3}

// worse returns the worse one of two verdicts.
func worse(a, b Verdict) Verdict {
	if severity[b] > severity[a] {
		return b
	}
	return a
}
