// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

// Consumer is a reader of ClusterProfiles, by the word that names it on a command line.
type Consumer string

// The consumers, and the conformance suite of the Cluster Inventory API, which reads profiles as strictly as any.
const (
	Headlamp            Consumer = "headlamp"
	ArgoCD              Consumer = "argocd"
	Kueue               Consumer = "kueue"
	Sveltos             Consumer = "sveltos"
	Knative             Consumer = "knative"
	MulticlusterRuntime Consumer = "multicluster-runtime"
	Conformance         Consumer = "conformance"
)

// Consumers are all that there are rules for, in the order of findings.
var Consumers = []Consumer{Headlamp, ArgoCD, Kueue, Sveltos, Knative, MulticlusterRuntime, Conformance}

// DefaultNamespaces are where those consumers look that do not look everywhere, as they are installed by default.
var DefaultNamespaces = map[Consumer]string{Headlamp: "headlamp", ArgoCD: "argocd", Kueue: "kueue-system"}

// Verdict says whether a consumer accepts a profile.
type Verdict string

// The verdicts, from the best to the worst.
const (
	// Yes: nothing stands against it.
	Yes Verdict = "yes"
	// Partly: the consumer takes the profile, and something of it is lost or depends on how the consumer is set up.
	Partly Verdict = "partly"
	// Unseen: the consumer does not look where the profile is.
	NotVisible Verdict = "unseen"
	// No: the consumer refuses the profile, or cannot use it.
	No Verdict = "no"
)

var severity = map[Verdict]int{Yes: 0, Partly: 1, NotVisible: 2, No: 3}

// worse is the worse one of two verdicts.
func worse(a, b Verdict) Verdict {
	if severity[b] > severity[a] {
		return b
	}
	return a
}
