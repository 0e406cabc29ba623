// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// neverWritten is a resourceVersion that no object has. An apply that carries it creates a profile and changes none that is
// there already: the API server takes no account of it where there is nothing to compare, and refuses it as a conflict else.
const neverWritten = "1"

// target is the version of a profile that a write is for.
type target struct {
	key        types.NamespacedName
	live       *profile.Live
	version    string
	generation int64
}

// apply writes what differs between a profile and what it should say: first the profile, then its status. A profile that may
// not or cannot be written does not hold up the status of one that exists: that may carry a changed endpoint.
func (r *Reconciler) apply(ctx context.Context, claim profile.Claim, facts profile.Facts) (outcome, error) {
	wanted, problems := claim.Inventory.Profile(facts)
	out := outcome{problems: problems}
	if wanted == nil {
		return out, nil
	}
	at := target{key: claim.Profile, live: facts.Published, version: neverWritten}
	if facts.Published != nil {
		at.version, at.generation = facts.Published.ResourceVersion, facts.Published.Generation
	}
	failed := r.applyProfile(ctx, &at, wanted, &out)
	if at.version == neverWritten || lostRace(failed) {
		return out, r.settle(&at, &out, failed)
	}
	status, problems := claim.Inventory.Status(facts, at.generation)
	out.problems = append(out.problems, problems...)
	intrusions := claim.Inventory.Intrusions(facts.Published, status)
	return out, r.settle(&at, &out, failed, r.applyStatus(ctx, &at, status, intrusions, &out))
}

// applyProfile applies metadata and spec, unless that would change nothing.
func (r *Reconciler) applyProfile(ctx context.Context, at *target, wanted *inventoryac.ClusterProfileApplyConfiguration, out *outcome) error {
	how := urgent
	if at.live != nil {
		how = ordinary
		same, err := at.live.Unchanged(wanted, "")
		if err != nil {
			return err
		}
		if same {
			r.metrics.unchanged("profile")
			return nil
		}
		wanted.WithUID(at.live.UID)
	}
	if r.mustWait(at, how, out) {
		return nil
	}
	err := r.client.Apply(ctx, wanted.WithResourceVersion(at.version), client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	r.metrics.wrote("profile", err)
	if err != nil {
		return fmt.Errorf("applying ClusterProfile %s: %w", at.key, err)
	}
	// The answer is in the apply configuration.
	at.version, at.generation = *wanted.ResourceVersion, *wanted.Generation
	r.wrote(at, how, out)
	return nil
}

// applyStatus applies the status, unless that would change nothing, and removes what others have added to its access
// providers.
func (r *Reconciler) applyStatus(ctx context.Context, at *target, wanted *inventoryac.ClusterProfileApplyConfiguration, intrusions []string, out *outcome) error {
	how := urgent
	if at.live != nil {
		same, err := at.live.Unchanged(wanted, "status")
		if err != nil {
			return err
		}
		if same && len(intrusions) == 0 {
			r.metrics.unchanged("status")
			return nil
		}
		if len(intrusions) == 0 && !accessChanged(at.live, wanted) {
			how = ordinary
		}
		if r.mustWait(at, how, out) {
			return nil
		}
	}
	if err := r.removeIntrusions(ctx, at, intrusions, out); err != nil {
		return err
	}
	err := r.client.Status().Apply(ctx, wanted.WithResourceVersion(at.version), client.FieldOwner(profile.FieldManager), client.ForceOwnership)
	r.metrics.wrote("status", err)
	if err != nil {
		return fmt.Errorf("applying the status of ClusterProfile %s: %w", at.key, err)
	}
	at.version = *wanted.ResourceVersion
	if at.live == nil || len(intrusions) > 0 {
		// It is one publication with the creation, or one repair with the removal.
		r.writes.wrote(at.key, at.version)
		return nil
	}
	r.wrote(at, how, out)
	return nil
}

// removeIntrusions removes fields of others from the status by a JSON patch: an apply removes nothing that it does not own. What
// readers may see until the apply has only values that were there before, less some of another writer's, which that writer could
// have left out itself: no server, authority or parameter appears to which nobody was sent before.
func (r *Reconciler) removeIntrusions(ctx context.Context, at *target, pointers []string, out *outcome) error {
	if len(pointers) == 0 {
		return nil
	}
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value,omitempty"`
	}
	patch := []operation{{Op: "add", Path: "/metadata/resourceVersion", Value: at.version}}
	for _, pointer := range pointers {
		patch = append(patch, operation{Op: "remove", Path: pointer})
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encoding a patch: %w", err)
	}
	patched := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: at.key.Namespace, Name: at.key.Name}}
	err = r.client.Status().Patch(ctx, patched, client.RawPatch(types.JSONPatchType, raw), client.FieldOwner(profile.FieldManager))
	r.metrics.wrote("status", err)
	if err != nil {
		return fmt.Errorf("removing what another writer added to ClusterProfile %s: %w", at.key, err)
	}
	logf.FromContext(ctx).Info("Removed what another writer added to an access provider", "ClusterProfile", at.key, "writer", at.live.OtherWriter("status"), "fields", pointers)
	at.version = patched.ResourceVersion
	// Spent here already: a writer that acts before the apply makes it fail each time.
	r.wrote(at, urgent, out)
	return nil
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
