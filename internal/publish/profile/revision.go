// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Revision identifies one state of an Inventory's specification. Another Inventory of the same name has another UID.
type Revision struct {
	UID        types.UID
	Generation int64
}

// RevisionOf returns the revision of an Inventory.
func RevisionOf(inventory *v1alpha1.Inventory) Revision {
	return Revision{UID: inventory.UID, Generation: inventory.Generation}
}
