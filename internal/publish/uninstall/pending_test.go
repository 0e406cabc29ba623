// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

func TestPendingDescribesWhatIsLeft(t *testing.T) {
	profile := func(inventory, name string) metav1.PartialObjectMetadata {
		return metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Namespace: "team-a", Name: name, Labels: map[string]string{v1alpha1.LabelInventory: inventory},
		}}
	}
	held := func(profile metav1.PartialObjectMetadata, finalizers ...string) metav1.PartialObjectMetadata {
		now := metav1.Now()
		profile.DeletionTimestamp, profile.Finalizers = &now, finalizers
		return profile
	}
	for name, tc := range map[string]struct {
		finalizers []string
		profiles   []metav1.PartialObjectMetadata
		says       string
	}{
		"Untouched": {
			profiles: []metav1.PartialObjectMetadata{profile("default", "c1"), profile("other", "c1")},
			says:     "Inventory default: the publisher has not withdrawn 1 profile yet.",
		},
		"Held": {
			profiles: []metav1.PartialObjectMetadata{
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
			left := pendingObjects([]v1alpha1.Inventory{inventory}, tc.profiles)
			if len(left) != 1 {
				t.Fatalf("one Inventory, but %d remainders", len(left))
			}
			if diff := cmp.Diff(tc.says, left[0].String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
