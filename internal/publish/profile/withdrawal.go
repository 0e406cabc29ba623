// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Fate is what becomes of a published profile of a Cluster. It is about profiles that MayBeDeleted.
type Fate int

// The kinds of fate.
const (
	// Stays: an Inventory wants the profile, or the Inventory that published it is invalid.
	Stays Fate = iota
	// StaysUntilReplaced: the Inventory that published it still selects the Cluster, and wants it published otherwise. The profile is
	// withdrawn when one of the Replacements is on the hub.
	StaysUntilReplaced
	// Withdrawn: the Cluster opts out, or the Inventory that published the profile is gone or no longer selects the Cluster, or the
	// profile is of an earlier Cluster, which has no replacement to wait for.
	Withdrawn
)

// FateOf decides what becomes of a published profile of the Cluster that the claims are about. invalid are the Inventories that cannot
// be compiled, by name. What comes from a cache may be older than the profile: the caller confirms all of it from the API server before it
// deletes one.
func (c Claims) FateOf(published *Live, cluster *clusterv1.Cluster, invalid map[string]error) Fate {
	_, inventory, _ := published.Provenance()
	_, isInvalid := invalid[inventory]
	switch {
	case c.Has(types.NamespacedName{Namespace: published.Namespace, Name: published.Name}):
		return Stays
	case published.IsOfEarlier(cluster.UID), OptedOut(cluster):
		return Withdrawn
	case isInvalid:
		return Stays
	case slices.Contains(c.Selecting, inventory):
		return StaysUntilReplaced
	}
	return Withdrawn
}

// Replacements returns the granted claims of which each replaces a published profile once it is on the hub: under the name that the
// profile's Inventory gives the Cluster now, or by the Inventory that has the profile's namespace now.
func (c Claims) Replacements(published *Live) []Claim {
	_, inventory, _ := published.Provenance()
	return slices.DeleteFunc(slices.Clone(c.Granted), func(claim Claim) bool {
		return claim.Inventory.Name() != inventory && claim.Profile.Namespace != published.Namespace
	})
}

// NamespaceProblem returns why nothing can be published into the namespace of the name, which is nil if it does not exist; nil if
// nothing prevents it.
func NamespaceProblem(name string, namespace *metav1.PartialObjectMetadata) *Problem {
	var found Problem
	switch {
	case namespace == nil:
		found = problem(v1alpha1.ProblemNamespaceMissing, "the namespace %q does not exist; create it, and the profiles follow", name)
	case !namespace.DeletionTimestamp.IsZero():
		found = problem(v1alpha1.ProblemNamespaceTerminating,
			"the namespace %q is being deleted; choose another one, or create it again when it is gone", name)
	default:
		return nil
	}
	return &found
}
