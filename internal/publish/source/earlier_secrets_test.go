// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// metadataServer serves the metadata of one Secret, or an error, and counts how often.
type metadataServer struct {
	client.Reader
	metadata metav1.ObjectMeta
	err      error
	reads    int
}

func (s *metadataServer) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	s.reads++
	object.(*metav1.PartialObjectMetadata).ObjectMeta = s.metadata
	return s.err
}

// TestSecretsOfEarlierClusters: a Secret in the cache is used without a look at the API server where it is younger than the Cluster, and
// otherwise if the API server confirms it.
func TestSecretsOfEarlierClusters(t *testing.T) {
	born := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	owner := func(kind string, uid types.UID) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: kind, Name: "c1", UID: uid}}
	}
	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, "c1-kubeconfig")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "c1-kubeconfig", errors.New("no right"))
	for name, tc := range map[string]struct {
		why  string
		age  time.Duration
		live metav1.ObjectMeta
		err  error
		want bool
		// reads are those of the API server for two looks at the Secret.
		reads int
	}{
		"Younger": {why: "Cluster API has made it for this Cluster", age: -time.Second, want: true},
		"Supplied": {
			why: "a user has supplied it first", age: time.Hour,
			live: metav1.ObjectMeta{ResourceVersion: "1"}, want: true, reads: 1,
		},
		"InOneSecond": {why: "times are in seconds", live: metav1.ObjectMeta{ResourceVersion: "1"}, want: true, reads: 1},
		"Replaced":    {why: "there is another one now", live: metav1.ObjectMeta{ResourceVersion: "2"}, reads: 2},
		"Gone":        {why: "the cache has not lost it yet", err: notFound, reads: 2},
		"NotReadable": {why: "there is nothing but the cache", err: forbidden, want: true, reads: 1},
		"OfThisCluster": {
			why:  "this Cluster owns it",
			live: metav1.ObjectMeta{ResourceVersion: "1", OwnerReferences: owner("Cluster", "this")}, want: true, reads: 1,
		},
		"OfAControlPlane": {
			why:  "control planes own it as a rule",
			live: metav1.ObjectMeta{ResourceVersion: "1", OwnerReferences: owner("ControlPlane", "plane")}, want: true, reads: 1,
		},
		"OfAnEarlierCluster": {
			why:  "it is still to be collected",
			live: metav1.ObjectMeta{ResourceVersion: "1", OwnerReferences: owner("Cluster", "earlier")}, reads: 2,
		},
		"NotReachable": {why: "nothing is known", err: errors.New("connection refused"), reads: 2},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fixture.Cluster("team-a", "c1", fixture.UID("this"))
			cluster.CreationTimestamp = metav1.NewTime(born)
			cached := fixture.KubeconfigSecret("team-a", "c1", nil)
			cached.ResourceVersion, cached.CreationTimestamp = "1", metav1.NewTime(born.Add(-tc.age))
			server := &metadataServer{metadata: tc.live, err: tc.err}
			reader := newKubeconfigReader(nil, server, clocktesting.NewFakeClock(born))
			for range 2 {
				got, err := reader.isCurrent(t.Context(), cluster, cached)
				if got != tc.want || (err != nil) != (name == "NotReachable") {
					t.Errorf("%s: %t, %v", tc.why, got, err)
				}
			}
			if server.reads != tc.reads {
				t.Errorf("%s: read %d times, want %d", tc.why, server.reads, tc.reads)
			}
			again := fixture.Cluster("team-a", "c1", fixture.UID("again"))
			again.CreationTimestamp = metav1.NewTime(born.Add(time.Minute))
			if _, err := reader.isCurrent(t.Context(), again, cached); err == nil && server.reads == tc.reads {
				t.Error("what is confirmed for a Cluster is not for the next one of the name")
			}
			reader.known.forget(types.NamespacedName{Namespace: "team-a", Name: "c1"})
			if len(reader.known.clusters) > 0 {
				t.Errorf("a forgotten Cluster leaves %v", reader.known.clusters)
			}
		})
	}
}
