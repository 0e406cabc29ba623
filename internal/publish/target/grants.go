// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	grantac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/ssa"
)

// applyGrants applies the AccessGrants that the Inventory asks for with the profile. It deletes the others only where the profile's
// status is as it is wanted: no access is revoked that is still published.
func (a *attempt) applyGrants(ctx context.Context, inventory *profile.Inventory, facts profile.Facts, statusWritten bool) error {
	wanted, unwanted, err := inventory.Grants(facts, a.uid)
	if err != nil {
		return err
	}
	live := map[string]*v1alpha1.AccessGrant{}
	for _, grant := range facts.Grants {
		live[grant.Name] = grant
	}
	var errs []error
	for _, grant := range wanted {
		errs = append(errs, a.applyGrant(ctx, grant, live[*grant.Name]))
	}
	if statusWritten {
		for _, grant := range unwanted {
			errs = append(errs, a.deleteGrant(ctx, grant))
		}
	}
	return errors.Join(errs...)
}

// applyGrant applies an AccessGrant, unless that would change nothing of the live one, nil for none. The cache may be stale, and
// then the apply changes nothing.
func (a *attempt) applyGrant(ctx context.Context, wanted *grantac.AccessGrantApplyConfiguration, live *v1alpha1.AccessGrant) error {
	if live != nil {
		state, err := ssa.Of(live, profile.FieldManager)
		if err != nil {
			return err
		}
		if same, err := state.Unchanged(wanted, ""); err != nil || same {
			return err
		}
	}
	if err := a.client.Apply(ctx, wanted, client.FieldOwner(profile.FieldManager), client.ForceOwnership); err != nil {
		return fmt.Errorf("applying AccessGrant %s/%s: %w", a.key.Namespace, *wanted.Name, err)
	}
	return nil
}

func (a *attempt) deleteGrant(ctx context.Context, grant *v1alpha1.AccessGrant) error {
	object := &v1alpha1.AccessGrant{}
	object.Namespace, object.Name = grant.Namespace, grant.Name
	if err := a.client.Delete(ctx, object, client.Preconditions{UID: &grant.UID}); err != nil && !apierror.IsNotFound(err) {
		return fmt.Errorf("deleting AccessGrant %s/%s: %w", grant.Namespace, grant.Name, err)
	}
	logf.FromContext(ctx).Info("Withdrew an access grant", "AccessGrant", client.ObjectKeyFromObject(grant))
	return nil
}
