// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	grantac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/ssa"
)

// applyGrants applies the AccessGrants that the Inventory asks for with the profile. It deletes the others only where the profile's
// status is as it is wanted: no access is revoked that is still published. One that fails holds up no other.
func (a *attempt) applyGrants(
	ctx context.Context, inventory *profile.Inventory, facts profile.Facts, statusWritten bool,
) (result Result, failures []error) {
	wanted, unwanted, err := inventory.Grants(facts)
	if err != nil {
		return Result{}, []error{err}
	}
	for _, grant := range wanted {
		grant.WithOwnerReferences(a.owner())
		applied, err := a.applyGrant(ctx, grant, facts.Grant(*grant.Name))
		result, failures = result.With(applied), append(failures, err)
	}
	if statusWritten {
		for _, grant := range unwanted {
			failures = append(failures, a.deleteGrant(ctx, grant))
		}
	}
	return result, failures
}

// owner returns the reference by which the profile owns its AccessGrants.
func (a *attempt) owner() *metav1ac.OwnerReferenceApplyConfiguration {
	version, kind := a.kind.ToAPIVersionAndKind()
	return metav1ac.OwnerReference().WithAPIVersion(version).WithKind(kind).WithName(a.key.Name).WithUID(a.uid)
}

// applyGrant applies an AccessGrant, unless that would change nothing of the live one, nil for none. The cache may be stale, and
// then the apply changes nothing.
func (a *attempt) applyGrant(
	ctx context.Context, wanted *grantac.AccessGrantApplyConfiguration, live *v1alpha1.AccessGrant,
) (Result, error) {
	if live != nil {
		state, err := ssa.Of(live, profile.FieldManager)
		if err != nil {
			return Result{}, err
		}
		switch same, err := state.Unchanged(wanted, ""); {
		case err != nil:
			return Result{}, err
		case same:
			a.metrics.unchanged("grant")
			return Result{}, nil
		}
	}
	key := types.NamespacedName{Namespace: a.key.Namespace, Name: *wanted.Name}
	if wait, _ := a.grants.wait(key, urgent); wait > 0 {
		return Result{Held: true, RequeueAfter: wait, Problems: []profile.Problem{contestedGrant(key, live)}}, nil
	}
	err := a.client.Apply(ctx, wanted, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	a.metrics.wrote("grant", err)
	if err != nil {
		return Result{}, fmt.Errorf("applying AccessGrant %s: %w", key, err)
	}
	a.grants.spend(key, urgent)
	return Result{}, nil
}

// contestedGrant returns why an apply waits; live is nil where the grant does not exist.
func contestedGrant(key types.NamespacedName, live *v1alpha1.AccessGrant) profile.Problem {
	if live == nil {
		return profile.NewProblem(v1alpha1.ProblemContested,
			"AccessGrant %s is deleted again and again by another writer; it is created again after pauses of up to %s",
			key, rounded(maxPause))
	}
	return profile.NewProblem(v1alpha1.ProblemContested,
		"AccessGrant %s changes again and again, by %s; it is written after pauses of up to %s",
		key, named(profile.OtherWriter(live, "")), rounded(maxPause))
}

func (a *attempt) deleteGrant(ctx context.Context, grant *v1alpha1.AccessGrant) error {
	key := client.ObjectKeyFromObject(grant)
	object := &v1alpha1.AccessGrant{}
	object.Namespace, object.Name = grant.Namespace, grant.Name
	err := a.client.Delete(ctx, object, client.Preconditions{UID: &grant.UID})
	if apierror.IsNotFound(err) {
		return nil
	}
	a.metrics.wrote("revocation", err)
	if err != nil {
		return fmt.Errorf("deleting AccessGrant %s: %w", key, err)
	}
	logf.FromContext(ctx).Info("Withdrew an access grant", "AccessGrant", key)
	return nil
}
