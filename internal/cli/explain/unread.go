// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Unread is what could not be read for lack of rights. Whoever has rights in one namespace is told what these show; that
// something is not there is said only where it was looked for.
type Unread struct {
	// Cluster: the Cluster itself.
	Cluster bool
	// Namespace: the labels of the Cluster's namespace.
	Namespace bool
	// Inventories: all of them.
	Inventories bool
	// Profiles: those outside of these namespaces; nil where all were read.
	Profiles sets.Set[string]
	// Checks: SpokeChecks in these namespaces.
	Checks sets.Set[string]
}

// hides says whether profiles of a namespace could not be read.
func (u Unread) hides(namespace string) bool { return u.Profiles != nil && !u.Profiles.Has(namespace) }

// unread says what could not be read, and what is not known about the Cluster because of that.
func (f Facts) unread(cluster types.NamespacedName) []string {
	var sentences []string
	say := func(format string, args ...any) { sentences = append(sentences, fmt.Sprintf(format, args...)) }
	if f.Unread.Cluster {
		say("the Cluster %s: from which of its fields each value comes is not known", cluster)
	}
	if f.Unread.Inventories {
		say("Inventories: which of them select the Cluster, and what they left out of its profiles, is not known")
	}
	if f.Unread.Namespace {
		say("the Namespace %s: whether an Inventory selects its labels is not known", cluster.Namespace)
	}
	switch names := sets.List(f.Unread.Profiles); {
	case f.Unread.Profiles == nil:
	case len(names) == 0:
		say("ClusterProfiles: whether some stand for the Cluster is not known")
	default:
		say("ClusterProfiles outside of %s: whether some stand for the Cluster there is not known", strings.Join(names, ", "))
	}
	return sentences
}
