// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// Unread is what the user may not read. A user with rights in one namespace gets an explanation from what is there; that something
// does not exist is reported only if it could have been read.
type Unread struct {
	// Cluster: the Cluster itself.
	Cluster bool
	// Namespace: the labels of the Cluster's namespace.
	Namespace bool
	// Inventories: all of them.
	Inventories bool
	// Profiles: those outside of these namespaces; nil if all were read.
	Profiles sets.Set[string]
	// Checks: SpokeChecks in these namespaces.
	Checks sets.Set[string]
	// Grants: AccessGrants in these namespaces.
	Grants sets.Set[string]
}

// hides reports whether the profiles of a namespace may not be read.
func (u Unread) hides(namespace string) bool { return u.Profiles != nil && !u.Profiles.Has(namespace) }

// unread lists what the user may not read, and what is not known about the Cluster because of that.
func (f Facts) unread(cluster types.NamespacedName) []string {
	var sentences []string
	add := func(format string, args ...any) { sentences = append(sentences, fmt.Sprintf(format, args...)) }
	if f.Unread.Cluster {
		add("the Cluster %s: from which of its fields each value comes is not known", cluster)
	}
	if f.Unread.Inventories {
		add("Inventories: which of them select the Cluster, and what they left out of its profiles, is not known")
	}
	if f.Unread.Namespace {
		add("the Namespace %s: whether an Inventory selects its labels is not known", cluster.Namespace)
	}
	switch names := sets.List(f.Unread.Profiles); {
	case f.Unread.Profiles == nil:
	case len(names) == 0:
		add("ClusterProfiles: whether some stand for the Cluster is not known")
	default:
		add("ClusterProfiles outside of %s: whether some stand for the Cluster there is not known", strings.Join(names, ", "))
	}
	return sentences
}
