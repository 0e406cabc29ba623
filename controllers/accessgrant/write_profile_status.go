// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/property"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

func profileKey(of *v1alpha1.AccessGrant) types.NamespacedName {
	return types.NamespacedName{Namespace: of.Namespace, Name: of.Spec.Profile}
}

func notWritten(format string, args ...any) error {
	return failure.New(v1alpha1.ReasonProfileNotWritten, format, args...)
}

// publish brings the profile of a grant in line with what its spoke says of itself, and returns what of that is left out. At rest it
// sends nothing to the hub.
func (i *importer) publish(ctx context.Context, of *v1alpha1.AccessGrant, said property.Spoke) (skipped string, err error) {
	live := &inventoryv1alpha1.ClusterProfile{}
	switch err := i.grants.client.Get(ctx, profileKey(of), live); {
	case apierrors.IsNotFound(err):
		return "", notWritten("there is no ClusterProfile %s", profileKey(of))
	case err != nil:
		return "", fmt.Errorf("reading the ClusterProfile: %w", err)
	}
	read, err := profile.Read(live)
	if err != nil {
		return "", err
	}
	switch {
	case string(read.ClusterUID()) != of.Spec.Cluster.UID:
		return "", notWritten("the publisher has not published the Cluster as ClusterProfile %s", profileKey(of))
	case len(live.Status.Conditions) == 0:
		return "", notWritten("the publisher has not written the status of ClusterProfile %s yet", profileKey(of))
	}
	decision, err := property.Decide(said, live)
	if err != nil || !decision.Changes {
		return decision.Skipped, err
	}
	return decision.Skipped, i.write(ctx, of, decision.Wanted)
}

// write writes what a grant entitles the broker to, if it does so at this moment. No revocation of the grant runs meanwhile: what is
// written after it would stay.
func (i *importer) write(ctx context.Context, of *v1alpha1.AccessGrant, wanted *inventoryac.ClusterProfileApplyConfiguration) error {
	release, taken := i.grants.spokes.take(clusterKey(of))
	if !taken {
		return errBusy
	}
	defer release()
	current := &v1alpha1.AccessGrant{}
	switch err := i.grants.live.Get(ctx, client.ObjectKeyFromObject(of), current); {
	case err != nil:
		return err
	case current.UID != of.UID, !current.DeletionTimestamp.IsZero():
		return errBusy
	}
	if err := i.grants.authorize(ctx, current); err != nil {
		return err
	}
	return i.grants.applyProperties(ctx, wanted)
}

// withdrawProperties takes back what was published by the access of a grant. One of another name has published nothing: a tenant may
// have made it, with a finalizer.
func (r *reconciler) withdrawProperties(ctx context.Context, of *v1alpha1.AccessGrant) error {
	if of.Name != profile.GrantName(of.Spec.Profile, v1alpha1.ProviderClusterProperties) {
		return nil
	}
	live := &inventoryv1alpha1.ClusterProfile{}
	if err := r.live.Get(ctx, profileKey(of), live); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("reading the ClusterProfile: %w", err)
	}
	decision, err := property.Decide(property.Spoke{}, live)
	if err != nil || !decision.Changes {
		return err
	}
	return r.applyProperties(ctx, decision.Wanted)
}

// applyProperties writes the broker's part of a profile's status, for the version that was read. It takes nothing from other writers:
// where one of them was faster, there is a conflict.
func (r *reconciler) applyProperties(ctx context.Context, wanted *inventoryac.ClusterProfileApplyConfiguration) error {
	kind, err := r.client.GroupVersionKindFor(&inventoryv1alpha1.ClusterProfile{})
	if err != nil {
		return fmt.Errorf("finding the version of ClusterProfile: %w", err)
	}
	err = r.client.Status().Apply(ctx, wanted.WithAPIVersion(kind.GroupVersion().String()), client.FieldOwner(FieldManager))
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		return notWritten("the hub refuses the status of ClusterProfile %s/%s (%s); the broker needs a Role in this namespace that lets "+
			"it write the status of profiles", *wanted.Namespace, *wanted.Name, apierrors.ReasonForError(err))
	}
	if err != nil {
		return fmt.Errorf("writing the properties of the ClusterProfile: %w", err)
	}
	return nil
}
