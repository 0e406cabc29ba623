// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// RecordStray records the problems of a stray profile, none if it is not one any more, for the Inventory that reports them, empty
// if there is none. It reports whether they have changed.
func (r *Results) RecordStray(key types.NamespacedName, inventory string, problems []profile.Problem) (changed bool) {
	after := inventoryResult{inventory: inventory, problems: problems}
	r.mu.Lock()
	before := r.strays[key]
	if len(problems) > 0 {
		r.strays[key] = after
	} else {
		delete(r.strays, key)
	}
	r.mu.Unlock()
	if before.inventory == after.inventory && before.equal(after) {
		return false
	}
	for _, inventory := range []string{before.inventory, after.inventory} {
		if inventory != "" {
			r.notify(inventory)
		}
	}
	return true
}

// IsStray reports whether a profile has been recorded as stray.
func (r *Results) IsStray(p *inventoryv1alpha1.ClusterProfile) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, stray := r.strays[client.ObjectKeyFromObject(p)]
	return stray
}
