// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package ssa

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Others is what all managers but one own of a live object, of any subresource, by apply or by update.
type Others []fields

// OthersOf reads what managers other than the given one own. Its error says which entry of managedFields cannot be decoded.
func OthersOf(live Object, manager string) (Others, error) {
	var others Others
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == manager && entry.Operation == metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		var owned fields
		if err := json.Unmarshal([]byte(entry.FieldsV1.GetRawString()), &owned); err != nil {
			return nil, fmt.Errorf("reading what %s wrote: %w", entry.Manager, err)
		}
		others = append(others, owned)
	}
	return others, nil
}

// Own reports whether one of them owns a field, whose path is as that of State.Owns.
func (o Others) Own(path ...string) bool {
	return slices.ContainsFunc(o, func(owned fields) bool { return owns(owned, path) })
}
