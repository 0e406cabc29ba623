// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// There is no Inventory of a name that none can have: nobody is asked, and so nothing fails. An AccessGrant that was stored before its
// schema refused such names may have one.
func TestRevisionOfAnImpossibleName(t *testing.T) {
	r := &Reconciler{}
	for _, name := range []string{"a/b", "%", ".", ".."} {
		if got, err := r.inventoryRevision(t.Context(), name); err != nil || got != (profile.Revision{}) {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
}
