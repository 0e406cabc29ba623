// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// TestForgottenSecrets: what is known of one Cluster's Secrets does not depend on any other Cluster, whatever the names are.
func TestForgottenSecrets(t *testing.T) {
	kept := types.NamespacedName{Namespace: "team-a", Name: "c1"}
	for name, tc := range map[string]struct {
		why    string
		forget types.NamespacedName
		lost   bool
	}{
		"Itself":   {why: "it is gone", forget: kept, lost: true},
		"Prefix":   {why: "its name begins alike", forget: types.NamespacedName{Namespace: "team-a", Name: "c"}},
		"Longer":   {why: "its name begins alike", forget: types.NamespacedName{Namespace: "team-a", Name: "c1-kubeconfig"}},
		"Hyphen":   {why: "its Secret may have the same name", forget: types.NamespacedName{Namespace: "team-a", Name: "c1-user"}},
		"SameName": {why: "it is in another namespace", forget: types.NamespacedName{Namespace: "team-b", Name: "c1"}},
	} {
		t.Run(name, func(t *testing.T) {
			known, live, confirmed := newKnownSecrets(), &liveEntry{version: "1"}, confirmation{cluster: "uid", version: "1"}
			known.setLive(kept, "c1-user-kubeconfig", live)
			known.setConfirmed(kept, "c1-kubeconfig", confirmed)
			known.setLive(tc.forget, "other", live)
			known.forget(tc.forget)
			got := known.get(kept, "c1-user-kubeconfig").live == live && known.get(kept, "c1-kubeconfig").confirmed == confirmed
			if got == tc.lost {
				t.Errorf("%s: what is known of %s is kept: %t", tc.why, kept, got)
			}
		})
	}
}

// A Secret that the cache has leaves nothing behind, and takes nothing of what is known of others.
func TestOutdatedSecrets(t *testing.T) {
	cluster, live := types.NamespacedName{Namespace: "team-a", Name: "c1"}, &liveEntry{}
	known := newKnownSecrets()
	known.setLive(cluster, "a", live)
	known.setLive(cluster, "b", live)
	known.setConfirmed(cluster, "b", confirmation{version: "1"})
	known.setLive(cluster, "a", nil)
	known.setLive(cluster, "b", nil)
	known.setLive(cluster, "c", nil)
	if got := known.clusters[cluster]; len(got) != 1 || got[0].name != "b" || got[0].live != nil {
		t.Errorf("got %v, want that b is confirmed", got)
	}
	known.setConfirmed(cluster, "b", confirmation{})
	if len(known.clusters) > 0 {
		t.Errorf("a Cluster of which nothing is known leaves %v", known.clusters)
	}
}

// BenchmarkForget forgets one of many Clusters.
func BenchmarkForget(b *testing.B) {
	known := newKnownSecrets()
	for i := range 10000 {
		known.setConfirmed(types.NamespacedName{Namespace: "team-a", Name: fmt.Sprint(i)}, "kubeconfig", confirmation{version: "1"})
	}
	gone := types.NamespacedName{Namespace: "team-a", Name: "gone"}
	b.ReportAllocs()
	for b.Loop() {
		known.forget(gone)
	}
}
