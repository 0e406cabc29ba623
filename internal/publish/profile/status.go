// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// Status decides the status of a Cluster's profile. generation is the profile's metadata.generation, which its conditions
// say they have observed.
func (inv *Inventory) Status(f Facts, generation int64) (*inventoryac.ClusterProfileApplyConfiguration, []Problem) {
	f = f.sharing()
	providers, lapses, problems := inv.accessProviders(f)
	properties, skipped := inv.publishedProperties(f)
	skipped = append(skipped, inv.importProblems(f)...)
	transitions := transitions{published: f.Published, generation: generation, now: f.Now}

	status := inventoryac.ClusterProfileStatus().
		WithConditions(transitions.inherit(inv.health(f)), transitions.inherit(joined(f.Cluster, len(providers), lapses))).
		WithProperties(properties...).
		WithAccessProviders(providers...)
	version := kubernetesVersion(f)
	if f.Waiting[cel.ControlPlane].Why != "" && reportedVersion(f.Cluster) == "" {
		version = f.Published.version()
	}
	if version == "" && inv.TrustsSpokeChecks() {
		version = checkedVersion(f)
	}
	if version != "" {
		status.WithVersion(inventoryac.ClusterVersion().WithKubernetes(version))
	} else if f.Waiting[cel.ControlPlane].Why == "" {
		problems = append(problems, versionNotReported(f)...)
	}
	key := inv.Key(f.Cluster)
	return inventoryac.ClusterProfile(key.Name, key.Namespace).WithStatus(status), slices.Concat(f.waiting(), problems, skipped)
}
