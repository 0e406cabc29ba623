// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/conformance"
)

// audit returns what is wrong with all that is published, a sentence each. What is expected is computed by the pure core from the
// objects of the hub; it is applied in a dry run, which must change no byte.
func (s *stage) audit(t tester) []string {
	t.Helper()
	seen, err := s.read(t.Context())
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	accounted := map[types.NamespacedName]bool{}
	for i := range seen.clusters {
		facts := seen.decide(&seen.clusters[i])
		for _, claim := range facts.claims.Granted {
			accounted[claim.Profile] = true
			faults = append(faults, s.auditClaim(t.Context(), seen, facts, claim)...)
		}
		faults = append(faults, facts.auditOthers(accounted)...)
	}
	var ours []inventoryv1alpha1.ClusterProfile
	for key, live := range seen.profiles {
		if live.Spec.ClusterManager.Name != s.name {
			continue
		}
		ours = append(ours, *live)
		if !accounted[key] {
			faults = append(faults, fmt.Sprintf("%s: stands for no Cluster of the hub that an Inventory selects", key))
		}
		faults = append(faults, s.auditAccess(live)...)
	}
	for key, made := range s.foreign {
		if live := seen.profiles[key]; live == nil || live.ResourceVersion != made.ResourceVersion {
			faults = append(faults, fmt.Sprintf("%s: is another manager's, and was touched", key))
		}
	}
	return append(faults, conformance.Check(ours)...)
}

// auditClaim compares the profile that an Inventory wants of a Cluster with the one on the hub.
func (s *stage) auditClaim(ctx context.Context, seen *hubState, of clusterFacts, claim profile.Claim) []string {
	live := seen.profiles[claim.Profile]
	switch {
	case seen.namespaces[claim.Profile.Namespace] == nil && live == nil:
		return nil
	case s.foreign[claim.Profile] != nil:
		return nil
	case live == nil:
		return []string{fmt.Sprintf("%s: missing", claim.Profile)}
	}
	read, err := profile.Read(live)
	if err != nil {
		return []string{err.Error()}
	}
	if ownership := profile.OwnershipOf(read, s.name, of.cluster); ownership != profile.Owned {
		return []string{fmt.Sprintf("%s: is not the Cluster's (%d)", claim.Profile, ownership)}
	}
	facts := seen.facts(s.name, of.cluster, claim.Inventory)
	var faults []string
	// Where nothing has to be remembered, a publisher that finds no profile publishes the same.
	for _, published := range []*profile.Live{read, nil} {
		if published == nil && remembers(facts) {
			continue
		}
		facts.Published = published
		wanted, _ := claim.Inventory.Profile(facts)
		faults = append(faults, dryRun(ctx, live, wanted)...)
		status, _ := claim.Inventory.Status(facts, live.Generation)
		faults = append(faults, dryRun(ctx, live, status)...)
		if published != nil && len(claim.Inventory.Intrusions(read, status)) > 0 {
			faults = append(faults, fmt.Sprintf("%s: another writer's fields are in an access provider", claim.Profile))
		}
	}
	return faults
}

// auditAccess checks that a profile's labels and access name one Cluster.
func (s *stage) auditAccess(live *inventoryv1alpha1.ClusterProfile) []string {
	var faults []string
	source, _ := profile.LabelledCluster(live)
	for _, provider := range live.Status.AccessProviders {
		if !s.isServerOf(provider.Cluster.Server, source, types.UID(live.Labels[v1alpha1.LabelClusterUID])) {
			faults = append(faults,
				fmt.Sprintf("%s/%s: is of %s and leads to %s", live.Namespace, live.Name, source, provider.Cluster.Server))
		}
	}
	return faults
}

// dryRun applies what is wanted of a profile, or of its status, without effect, and reports what that would change but for the times of
// conditions.
func dryRun(ctx context.Context, live *inventoryv1alpha1.ClusterProfile, wanted *inventoryac.ClusterProfileApplyConfiguration) []string {
	answer, err := dryRunAnswer(ctx, live, wanted)
	if err != nil {
		return []string{fmt.Sprintf("%s/%s: %v", live.Namespace, live.Name, err)}
	}
	if diff := cmp.Diff(live, answer); diff != "" {
		return []string{fmt.Sprintf("%s/%s: -published +expected:\n%s", live.Namespace, live.Name, diff)}
	}
	return nil
}

func dryRunAnswer(
	ctx context.Context, live *inventoryv1alpha1.ClusterProfile, wanted *inventoryac.ClusterProfileApplyConfiguration,
) (*inventoryv1alpha1.ClusterProfile, error) {
	raw, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	if err := inheritTimes(object, live); err != nil {
		return nil, err
	}
	apply := client.ApplyConfigurationFromUnstructured(object)
	if wanted.Status == nil {
		err = hub.Apply(ctx, apply, client.FieldOwner(profile.FieldManager), client.ForceOwnership, client.DryRunAll)
	} else {
		err = hub.Status().Apply(ctx, apply, client.FieldOwner(profile.FieldManager), client.ForceOwnership, client.DryRunAll)
	}
	if err != nil {
		return nil, err
	}
	answer := &inventoryv1alpha1.ClusterProfile{}
	if raw, err = object.MarshalJSON(); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return nil, err
	}
	answer.TypeMeta = live.TypeMeta
	return answer, nil
}

// inheritTimes gives the conditions that have the status of the live ones their times: a transition of long ago is not expected again.
func inheritTimes(wanted *unstructured.Unstructured, live *inventoryv1alpha1.ClusterProfile) error {
	conditions, found, err := unstructured.NestedSlice(wanted.Object, "status", "conditions")
	if err != nil || !found {
		return err
	}
	for i := range conditions {
		condition, _ := conditions[i].(map[string]any)
		for _, published := range live.Status.Conditions {
			if published.Type == condition["type"] && string(published.Status) == condition["status"] {
				condition["lastTransitionTime"] = published.LastTransitionTime.UTC().Format("2006-01-02T15:04:05Z")
			}
		}
	}
	return unstructured.SetNestedSlice(wanted.Object, conditions, "status", "conditions")
}
