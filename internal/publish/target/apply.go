// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// neverWritten is a resourceVersion that no object has. An apply that carries it creates a profile and changes no existing one:
// the API server ignores it where there is nothing to compare, and otherwise refuses it as a conflict.
const neverWritten = "1"

// attempt is one attempt to write a profile: the version that the next write is for. A write replaces it by the version that the
// API server returns.
type attempt struct {
	*Profiles
	key types.NamespacedName
	// live is the profile before the attempt; nil if there was none.
	live       *profile.Live
	version    string
	uid        types.UID
	generation int64
}

func (l Locked) attempt(live *profile.Live) *attempt {
	if live == nil {
		return &attempt{Profiles: l.profiles, key: l.key, version: neverWritten}
	}
	return &attempt{
		Profiles:   l.profiles,
		key:        l.key,
		live:       live,
		version:    live.ResourceVersion,
		uid:        live.UID,
		generation: live.Generation,
	}
}

// Apply writes the difference between the profile, facts.Published, and what an Inventory wants of the facts: first the profile,
// then its status, then the AccessGrants of its access providers. A profile that must not or cannot be written does not hold up the
// status of one that exists: that may carry a changed endpoint.
func (l Locked) Apply(ctx context.Context, inventory *profile.Inventory, facts profile.Facts) (Result, error) {
	wanted, problems := inventory.Profile(facts)
	result := Result{Problems: problems}
	if wanted == nil {
		return result, nil
	}
	a := l.attempt(facts.Published)
	applied, failure := a.applyProfile(ctx, wanted)
	result = result.With(applied)
	if a.version == neverWritten || apierror.IsLostRace(failure) {
		settled, err := a.settle(failure)
		return result.With(settled), err
	}
	status, problems := inventory.Status(facts, a.generation)
	result.Problems = append(result.Problems, problems...)
	applied, statusFailure := a.applyStatus(ctx, status, inventory.Intrusions(facts.Published, status))
	granted, failures := a.applyGrants(ctx, inventory, facts, statusFailure == nil && !applied.Held)
	settled, err := a.settle(append(failures, failure, statusFailure)...)
	return result.With(applied).With(granted).With(settled), err
}

// applyProfile applies metadata and spec, unless that would change nothing.
func (a *attempt) applyProfile(ctx context.Context, wanted *inventoryac.ClusterProfileApplyConfiguration) (Result, error) {
	urgency := urgent
	if a.live != nil {
		urgency = ordinary
		same, err := a.live.Unchanged(wanted, "")
		if err != nil {
			return Result{}, err
		}
		if same {
			a.metrics.unchanged("profile")
			return Result{}, nil
		}
		wanted.WithUID(a.live.UID)
	}
	if held := a.admit(urgency); held.Held {
		return held, nil
	}
	wanted.WithAPIVersion(a.kind.GroupVersion().String()).WithResourceVersion(a.version)
	err := a.client.Apply(ctx, wanted, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	a.metrics.wrote("profile", err)
	if err != nil {
		return Result{}, fmt.Errorf("applying ClusterProfile %s: %w", a.key, err)
	}
	// The answer is in the apply configuration.
	a.version, a.uid, a.generation = *wanted.ResourceVersion, *wanted.UID, *wanted.Generation
	return a.wrote(urgency), nil
}

// applyStatus applies the status, unless that would change nothing, and removes the fields that others have added to its access
// providers.
func (a *attempt) applyStatus(
	ctx context.Context, wanted *inventoryac.ClusterProfileApplyConfiguration, intrusions []string,
) (Result, error) {
	urgency := urgent
	if a.live != nil {
		same, err := a.live.Unchanged(wanted, "status")
		if err != nil {
			return Result{}, err
		}
		if same && len(intrusions) == 0 {
			a.metrics.unchanged("status")
			return Result{}, nil
		}
		if len(intrusions) == 0 && !accessChanged(a.live, wanted) {
			urgency = ordinary
		}
		if held := a.admit(urgency); held.Held {
			return held, nil
		}
	}
	removed, err := a.removeIntrusions(ctx, intrusions)
	if err != nil {
		return removed, err
	}
	wanted.WithAPIVersion(a.kind.GroupVersion().String()).WithResourceVersion(a.version)
	err = a.client.Status().Apply(ctx, wanted, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	a.metrics.wrote("status", err)
	if err != nil {
		return removed, fmt.Errorf("applying the status of ClusterProfile %s: %w", a.key, err)
	}
	a.version = *wanted.ResourceVersion
	if a.live == nil || len(intrusions) > 0 {
		// It is one publication with the creation, or one repair with the removal.
		a.writes.WroteAt(a.key, a.version)
		return removed, nil
	}
	return a.wrote(urgency), nil
}

// wrote notes a write that the API server has accepted.
func (a *attempt) wrote(urgency urgency) Result {
	a.writes.WroteAt(a.key, a.version)
	a.budgets.spend(a.key, urgency)
	return Result{Wrote: true}
}

// accessChanged reports whether a wanted access provider is not published as it should be.
func accessChanged(live *profile.Live, wanted *inventoryac.ClusterProfileApplyConfiguration) bool {
	published := map[string]clientcmdv1.Cluster{}
	for _, provider := range live.Status.AccessProviders {
		published[provider.Name] = provider.Cluster
	}
	for _, provider := range wanted.Status.AccessProviders {
		cluster, ok := published[*provider.Name]
		if !ok || encode(cluster) != encode(*provider.Cluster) {
			return true
		}
	}
	return false
}

func encode(cluster clientcmdv1.Cluster) string {
	raw, err := json.Marshal(cluster)
	if err != nil {
		// An extension that is not JSON: never what is published.
		return ""
	}
	return string(raw)
}
