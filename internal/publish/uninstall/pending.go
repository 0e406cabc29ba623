// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// pending is what is left of an Inventory that is being deleted.
type pending struct {
	inventory string
	// gone means that the Inventory itself is gone, and only access is left.
	gone bool
	// grants are those that the broker has not revoked yet.
	grants []v1alpha1.AccessGrant
	// untouched are the profiles that the publisher has not deleted yet.
	untouched int
	// held are the profiles that were deleted and whose finalizers belong to consumers: "namespace/name", by finalizer.
	held map[string][]string
	// waiting is how many profiles are held.
	waiting int
	// finalizers are those of the Inventory itself, without the publisher's own.
	finalizers []string
}

// pendingObjects returns what is left of Inventories, in their order, given the metadata of profiles; and of other Inventories, of
// which there are only grants.
func pendingObjects(inventories []v1alpha1.Inventory, profiles []metav1.ObjectMeta, grants []v1alpha1.AccessGrant) []pending {
	left := make([]pending, 0, len(inventories))
	grantsOf := map[string][]v1alpha1.AccessGrant{}
	for i := range grants {
		inventory := grants[i].Labels[v1alpha1.LabelInventory]
		grantsOf[inventory] = append(grantsOf[inventory], grants[i])
	}
	for i := range inventories {
		r := pending{inventory: inventories[i].Name, held: map[string][]string{}, grants: grantsOf[inventories[i].Name]}
		delete(grantsOf, r.inventory)
		for _, finalizer := range inventories[i].Finalizers {
			if finalizer != v1alpha1.FinalizerProfiles {
				r.finalizers = append(r.finalizers, finalizer)
			}
		}
		for j := range profiles {
			profile := &profiles[j]
			switch {
			case profile.Labels[v1alpha1.LabelInventory] != r.inventory:
			case profile.DeletionTimestamp.IsZero():
				r.untouched++
			default:
				r.waiting++
				for _, finalizer := range profile.Finalizers {
					r.held[finalizer] = append(r.held[finalizer], profile.Namespace+"/"+profile.Name)
				}
			}
		}
		left = append(left, r)
	}
	for _, inventory := range slices.Sorted(maps.Keys(grantsOf)) {
		left = append(left, pending{inventory: inventory, gone: true, grants: grantsOf[inventory]})
	}
	return left
}

// String describes what is left in one line.
func (r pending) String() string {
	var parts []string
	if !r.gone {
		parts = r.profiles()
	}
	if len(r.grants) > 0 {
		parts = append(parts, describeGrants(r.grants))
	}
	return fmt.Sprintf("Inventory %s: %s.", r.inventory, strings.Join(parts, "; "))
}

// profiles describes what is left of the profiles and of the Inventory itself.
func (r pending) profiles() (parts []string) {
	if r.untouched > 0 {
		parts = append(parts, fmt.Sprintf("the publisher has not withdrawn %s yet", countProfiles(r.untouched)))
	}
	if r.waiting > 0 {
		parts = append(parts, fmt.Sprintf("%s being deleted", are(r.waiting)))
	}
	for _, finalizer := range slices.Sorted(maps.Keys(r.held)) {
		held := r.held[finalizer]
		slices.Sort(held)
		more := ""
		if len(held) > 1 {
			more = fmt.Sprintf(" and %d more", len(held)-1)
		}
		parts = append(parts, fmt.Sprintf("the finalizer %s holds %s%s", finalizer, held[0], more))
	}
	if len(parts) == 0 {
		parts = append(parts, "no profile is left")
	}
	switch {
	case len(r.finalizers) > 0:
		parts = append(parts, fmt.Sprintf("the Inventory itself has the finalizers %s", strings.Join(r.finalizers, ", ")))
	case r.untouched == 0 && r.waiting == 0:
		parts = append(parts, "the publisher has not released the Inventory yet")
	}
	return parts
}

// timeoutError returns an error with everything that is left, and what to do about it.
func timeoutError(left []pending) error {
	what := "access to be revoked"
	var lines strings.Builder
	for _, r := range left {
		if !r.gone {
			what = "profiles to be withdrawn"
		}
		fmt.Fprintf(&lines, "\n  %s", r)
		for _, line := range listGrants(r.grants) {
			fmt.Fprintf(&lines, "\n    %s", line)
		}
	}
	return fmt.Errorf("timed out waiting for %s:%s%s", what, &lines, advice(left))
}

// advice returns what to do about what is left; if there is any, it begins with a line break.
func advice(left []pending) string {
	var consumers, publisher, broker bool
	for _, r := range left {
		consumers = consumers || len(r.held) > 0
		publisher = publisher || !r.gone && (r.untouched > 0 || r.waiting == 0)
		broker = broker || len(r.grants) > 0
	}
	var lines strings.Builder
	if publisher {
		lines.WriteString("\nIs the publisher running? Its log has the reason.")
	}
	if consumers {
		lines.WriteString("\nA finalizer on a profile belongs to a consumer that has something to clean up. If that consumer " +
			"is uninstalled, remove its finalizer by hand.")
	}
	if broker {
		lines.WriteString(grantAdvice)
	}
	return lines.String()
}

func countProfiles(n int) string {
	if n == 1 {
		return "1 profile"
	}
	return fmt.Sprintf("%d profiles", n)
}

func are(n int) string {
	if n == 1 {
		return "1 profile is"
	}
	return fmt.Sprintf("%d profiles are", n)
}
