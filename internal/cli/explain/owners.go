// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// owners holds the fields of each field manager.
type owners struct {
	names []string
	sets  []*fieldpath.Set
}

// ownersOf parses the managed fields of an object; an entry that cannot be parsed owns nothing.
func ownersOf(entries []metav1.ManagedFieldsEntry) owners {
	var o owners
	for _, entry := range entries {
		set := &fieldpath.Set{}
		if entry.FieldsV1 == nil || set.FromJSON(entry.FieldsV1.GetRawReader()) != nil {
			continue
		}
		o.names, o.sets = append(o.names, entry.Manager), append(o.sets, set)
	}
	return o
}

// of returns the managers that own the field, or a field below it, by name.
func (o owners) of(path fieldpath.Path) []string {
	var found []string
	for i, set := range o.sets {
		below := set
		for _, element := range path[:len(path)-1] {
			below = below.WithPrefix(element)
		}
		last := path[len(path)-1]
		if below.Members.Has(last) || !below.WithPrefix(last).Empty() {
			found = append(found, o.names[i])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
