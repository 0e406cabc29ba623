// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// removeIntrusions removes fields of others from the status by a JSON patch: an apply removes nothing that it does not own. Until
// the apply, readers may see values that were there before, less some of another writer's, which that writer could have left out
// itself: no server, authority or parameter appears that was not published before.
func (a *attempt) removeIntrusions(ctx context.Context, pointers []string) (Result, error) {
	if len(pointers) == 0 {
		return Result{}, nil
	}
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value,omitempty"`
	}
	patch := []operation{{Op: "add", Path: "/metadata/resourceVersion", Value: a.version}}
	for _, pointer := range pointers {
		patch = append(patch, operation{Op: "remove", Path: pointer})
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return Result{}, fmt.Errorf("encoding a patch: %w", err)
	}
	patched := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: a.key.Namespace, Name: a.key.Name}}
	err = a.client.Status().Patch(ctx, patched, client.RawPatch(types.JSONPatchType, raw), client.FieldOwner(profile.FieldManager))
	a.metrics.wrote("status", err)
	if err != nil {
		return Result{}, fmt.Errorf("removing what another writer added to ClusterProfile %s: %w", a.key, err)
	}
	logf.FromContext(ctx).Info("Removed what another writer added to an access provider",
		"ClusterProfile", a.key, "writer", a.live.OtherWriter("status"), "fields", pointers)
	a.version = patched.ResourceVersion
	// Spent here already: a writer that acts before the apply makes it fail each time.
	return a.wrote(urgent), nil
}
