// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// An AccessGrant that was stored before its schema refused such names may name an Inventory that cannot exist: the API server is not asked,
// and nothing fails.
func TestRevisionOfAnImpossibleName(t *testing.T) {
	r := &Reconciler{}
	for _, name := range []string{"a/b", "%", ".", ".."} {
		if got, err := r.inventoryRevision(t.Context(), name); err != nil || got != (profile.Revision{}) {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
}
