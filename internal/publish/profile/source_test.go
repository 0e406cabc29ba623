// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestSourceOfMemberID(t *testing.T) {
	const uid, label = "the Cluster's UID", "the Cluster's label of that name when the profile was first published"
	published := func(id string) *inventoryv1alpha1.ClusterProfile {
		p := &inventoryv1alpha1.ClusterProfile{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.LabelInventoryMemberID: id}},
		}
		return owningLabels(p, v1alpha1.LabelInventoryMemberID)
	}
	for name, tc := range map[string]struct {
		why       string
		label     string
		published *inventoryv1alpha1.ClusterProfile
		want      profile.Sourced
	}{
		"UID":   {why: "the Cluster has no label", want: profile.Sourced{Value: "uid-1", Source: uid}},
		"Label": {why: "the label comes first", label: "member-1", want: profile.Sourced{Value: "member-1", Source: label}},
		"Published": {
			why:       "an ID never changes",
			label:     "member-2",
			published: published("member-1"),
			want:      profile.Sourced{Value: "member-1", Source: label},
		},
		"PublishedUID": {
			why:       "it was the UID",
			label:     "member-2",
			published: published("uid-1"),
			want:      profile.Sourced{Value: "uid-1", Source: uid},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Labels(map[string]string{
				v1alpha1.LabelInventoryMemberID: tc.label,
			})))
			f.Published = read(t, tc.published)
			tc.want.Name = v1alpha1.LabelInventoryMemberID
			var got profile.Sourced
			for _, own := range profile.OwnLabels(f, "default") {
				if own.Name == tc.want.Name {
					got = own
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestSourceOfDisplayName(t *testing.T) {
	for name, tc := range map[string]struct {
		why        string
		annotation string
		want       profile.Sourced
	}{
		"Name": {why: "there is no annotation", want: profile.Sourced{Value: "c1", Source: "the Cluster's name"}},
		"Annotation": {
			why:        "the annotation",
			annotation: "C 1",
			want:       profile.Sourced{Value: "C 1", Source: "the Cluster's annotation capi-inventory.dev/display-name"},
		},
		"Blank": {
			why:        "nothing of the annotation can be printed",
			annotation: " \n\x1b",
			want:       profile.Sourced{Value: "c1", Source: "the Cluster's name"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fixture.Cluster("team-a", "c1", fixture.Annotations(map[string]string{
				v1alpha1.AnnotationDisplayName: tc.annotation,
			}))
			if diff := cmp.Diff(tc.want, profile.DisplayName(cluster)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestSourceOfVersion(t *testing.T) {
	withRef := func(c *clusterv1.Cluster) {
		c.Spec.ControlPlaneRef.Kind, c.Spec.ControlPlaneRef.Name = "K0sControlPlane", "c1"
	}
	for name, tc := range map[string]struct {
		why    string
		change []fixture.ClusterOption
		policy v1alpha1.SpokeCheckPolicy
		want   string
	}{
		"Reported": {
			why:    "the Cluster reports it",
			change: []fixture.ClusterOption{withRef, fixture.Versions("v1.36.3")},
			want:   "the Cluster's status.controlPlane.versions, the lowest",
		},
		"NotOfKubernetes": {
			why:    "OpenShift's release is not published",
			change: []fixture.ClusterOption{withRef, fixture.Versions("4.19.0")},
			want:   "the status of K0sControlPlane c1, or the Cluster's spec.topology.version if it has no version",
		},
		"Standalone": {
			why:    "there is no control plane object",
			change: []fixture.ClusterOption{standalone},
			want:   "the Cluster's spec.topology.version",
		},
		"Checked": {
			why:    "the consumer is asked last",
			change: []fixture.ClusterOption{withRef},
			policy: v1alpha1.SpokeCheckPolicyTrust,
			want: "the status of K0sControlPlane c1, else the Cluster's spec.topology.version, " +
				"else the kubernetesVersion of the profile's SpokeCheck",
		},
		"CheckedStandalone": {
			why:    "there is no topology either",
			change: []fixture.ClusterOption{standalone},
			policy: v1alpha1.SpokeCheckPolicyTrust,
			want:   "the kubernetesVersion of the profile's SpokeCheck",
		},
		"CheckedAndReported": {
			why:    "the consumer is not asked",
			change: []fixture.ClusterOption{withRef, fixture.Versions("v1.36.3")},
			policy: v1alpha1.SpokeCheckPolicyTrust,
			want:   "the Cluster's status.controlPlane.versions, the lowest",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, profile.VersionSource(fixture.Cluster("team-a", "c1", tc.change...), tc.policy)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestSourceOfHealth(t *testing.T) {
	const conditions = "the Cluster's conditions ControlPlaneAvailable=True and RemoteConnectionProbe=False"
	cluster := fixture.Cluster("team-a", "c1", fixture.Provisioned("v1.36.3"), cutOff)
	for reason, want := range map[string]string{
		v1alpha1.ReasonProbeFailed:    conditions,
		v1alpha1.ReasonClusterAPIDown: "the Leases controller-leader-election-capi, which no Cluster API controller renews",
		v1alpha1.ReasonSpokeAnswers:   "the condition Reachable of the profile's SpokeCheck, despite " + conditions,
		v1alpha1.ReasonSpokeSilent:    "the condition Reachable of the profile's SpokeCheck, despite " + conditions,
	} {
		t.Run(reason, func(t *testing.T) {
			condition := metav1.Condition{Type: inventoryv1alpha1.ClusterConditionControlPlaneHealthy, Reason: reason}
			if diff := cmp.Diff(want, profile.ConditionSource(cluster, condition)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSortByAge(t *testing.T) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	var inventories []*profile.Inventory
	for name, age := range map[string]time.Duration{"b": time.Hour, "a": time.Hour, "c": 2 * time.Hour, "d": 0} {
		source := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(fixture.Since.Add(-age))}}
		inventory, err := profile.Compile(compiler, source)
		if err != nil {
			t.Fatal(err)
		}
		inventories = append(inventories, inventory)
	}
	profile.SortByAge(inventories)
	var got []string
	for _, inventory := range inventories {
		got = append(got, inventory.Name())
	}
	if diff := cmp.Diff([]string{"c", "a", "b", "d"}, got); diff != "" {
		t.Errorf("the oldest comes first, and names decide between two of the same age -want +got:\n%s", diff)
	}
}
