// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

func TestPendingDescribesWhatIsLeft(t *testing.T) {
	profile := func(inventory, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "team-a", Name: name, Labels: map[string]string{v1alpha1.LabelInventory: inventory}}
	}
	held := func(profile metav1.ObjectMeta, finalizers ...string) metav1.ObjectMeta {
		now := metav1.Now()
		profile.DeletionTimestamp, profile.Finalizers = &now, finalizers
		return profile
	}
	for name, tc := range map[string]struct {
		finalizers []string
		profiles   []metav1.ObjectMeta
		grants     []v1alpha1.AccessGrant
		says       string
	}{
		"NotRevoked": {
			finalizers: []string{v1alpha1.FinalizerProfiles},
			profiles:   []metav1.ObjectMeta{profile("default", "c1")},
			grants:     []v1alpha1.AccessGrant{grant("default", "c1"), grant("default", "c2")},
			says: "Inventory default: the publisher has not withdrawn 1 profile yet; 2 AccessGrants are not revoked yet: " +
				"team-a/c1 (it is deleted after its profile), and 1 more.",
		},
		"Untouched": {
			profiles: []metav1.ObjectMeta{profile("default", "c1"), profile("other", "c1")},
			says:     "Inventory default: the publisher has not withdrawn 1 profile yet.",
		},
		"Held": {
			profiles: []metav1.ObjectMeta{
				profile("default", "c1"), profile("default", "c2"),
				held(profile("default", "c4"), "b.example.com/x", "a.example.com/x"), held(profile("default", "c3"), "a.example.com/x"),
			},
			says: "Inventory default: the publisher has not withdrawn 2 profiles yet; 2 profiles are being deleted; " +
				"the finalizer a.example.com/x holds team-a/c3 and 1 more; the finalizer b.example.com/x holds team-a/c4.",
		},
		"NotReleased": {
			finalizers: []string{v1alpha1.FinalizerProfiles},
			says:       "Inventory default: no profile is left; the publisher has not released the Inventory yet.",
		},
		"HeldItself": {
			finalizers: []string{v1alpha1.FinalizerProfiles, "example.com/backup"},
			says:       "Inventory default: no profile is left; the Inventory itself has the finalizers example.com/backup.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inventory := v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "default", Finalizers: tc.finalizers}}
			left := pendingObjects([]v1alpha1.Inventory{inventory}, tc.profiles, tc.grants)
			if len(left) != 1 {
				t.Fatalf("one Inventory, but %d remainders", len(left))
			}
			if diff := cmp.Diff(tc.says, left[0].String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// grant returns an AccessGrant of a profile in team-a.
func grant(inventory, name string, conditions ...metav1.Condition) v1alpha1.AccessGrant {
	grant := v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{
		Namespace: "team-a", Name: name, Labels: map[string]string{v1alpha1.LabelInventory: inventory},
	}}
	if len(conditions) > 0 {
		now := metav1.Now()
		grant.DeletionTimestamp, grant.Status.Conditions = &now, conditions
	}
	return grant
}

// TestPendingDescribesGrants: of an Inventory that is gone, the access that it asked for may be left.
func TestPendingDescribesGrants(t *testing.T) {
	revoking := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRevoking, Message: "It is being revoked.",
	}
	unreachable := metav1.Condition{
		Type:    v1alpha1.ConditionDegraded,
		Status:  metav1.ConditionTrue,
		Reason:  v1alpha1.ReasonSpokeUnreachable,
		Message: "no route\nto host",
	}
	asExpected := metav1.Condition{
		Type: v1alpha1.ConditionDegraded, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAsExpected, Message: "All is well.",
	}
	granted := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonGranted}
	known := grant("default", "c1", revoking, unreachable)
	known.Status.User = "system:serviceaccount:capi-inventory-0123:team-a.c1"
	for name, tc := range map[string]struct {
		grant v1alpha1.AccessGrant
		says  string
	}{
		"Degraded": {known, "team-a/c1 (SpokeUnreachable: no route to host), in the spoke's namespace capi-inventory-0123"},
		"Revoking": {grant("default", "c1", revoking, asExpected), "team-a/c1 (Revoking: It is being revoked.)"},
		"NoBroker": {grant("default", "c1", granted, asExpected), "team-a/c1 (no broker has answered)"},
	} {
		t.Run(name, func(t *testing.T) {
			left := pendingObjects(nil, nil, []v1alpha1.AccessGrant{tc.grant})
			if len(left) != 1 {
				t.Fatalf("one Inventory, but %d remainders", len(left))
			}
			want := "Inventory default: 1 AccessGrant is not revoked yet: " + tc.says + "."
			if diff := cmp.Diff(want, left[0].String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	var many []v1alpha1.AccessGrant
	for i := range maxGrants + 3 {
		many = append(many, grant("default", fmt.Sprintf("c%d", i), revoking))
	}
	if lines := listGrants(many); len(lines) != maxGrants+1 || lines[maxGrants] != "and 3 more: kubectl get accessgrants -A" {
		t.Errorf("the list of grants must be bounded, got %q", lines)
	}
}
