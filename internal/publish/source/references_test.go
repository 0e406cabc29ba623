// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// informers is a cache whose informers the test controls.
type informers struct {
	ctrlcache.Cache
	kinds map[schema.GroupVersionKind]*informer
	// reading is called by Get; nil for nothing.
	reading func()
}

type informer struct {
	ctrlcache.Informer
	synced  bool
	handler toolscache.ResourceEventHandler
}

func (i *informer) HasSynced() bool { return i.synced }

func (i *informer) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	i.handler = handler
	return nil, nil
}

func (i *informers) GetInformer(_ context.Context, object client.Object, _ ...ctrlcache.InformerGetOption) (ctrlcache.Informer, error) {
	of := &informer{synced: true}
	i.kinds[object.GetObjectKind().GroupVersionKind()] = of
	return of, nil
}

func (i *informers) RemoveInformer(_ context.Context, object client.Object) error {
	delete(i.kinds, object.GetObjectKind().GroupVersionKind())
	return nil
}

func (i *informers) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	if i.reading != nil {
		i.reading()
	}
	return nil
}

// watched returns the kinds that are watched.
func (i *informers) watched() []string {
	var kinds []string
	for kind := range i.kinds {
		kinds = append(kinds, kind.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

var (
	controlPlane  = schema.GroupVersionKind{Group: "controlplane.example.com", Version: "v1", Kind: "ControlPlane"}
	infraCluster  = schema.GroupVersionKind{Group: "infrastructure.example.com", Version: "v1", Kind: "InfraCluster"}
	team1, team2  = "team-1", "team-2"
	noReferences  []clusterv1.ContractVersionedObjectReference
	allReferences = []clusterv1.ContractVersionedObjectReference{referenceTo(controlPlane), referenceTo(infraCluster)}
)

func referenceTo(kind schema.GroupVersionKind) clusterv1.ContractVersionedObjectReference {
	return clusterv1.ContractVersionedObjectReference{APIGroup: kind.Group, Kind: kind.Kind, Name: "c1"}
}

func clusterIn(namespace string) *clusterv1.Cluster {
	cluster := &clusterv1.Cluster{}
	cluster.Namespace, cluster.Name = namespace, "c1"
	return cluster
}

func newTestReferences(clock *clocktesting.FakeClock) (*references, *informers) {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{controlPlane.GroupVersion(), infraCluster.GroupVersion()})
	mapper.Add(controlPlane, meta.RESTScopeNamespace)
	mapper.Add(infraCluster, meta.RESTScopeNamespace)
	cache := &informers{kinds: map[schema.GroupVersionKind]*informer{}}
	return newReferences(cache, mapper, clock, make(chan event.TypedGenericEvent[types.NamespacedName]), nil), cache
}

func TestSetReferences(t *testing.T) {
	type set struct {
		namespace string
		refs      []clusterv1.ContractVersionedObjectReference
	}
	for name, tc := range map[string]struct {
		why  string
		sets []set
		want []string
		// left are the Clusters of which something is held.
		left int
	}{
		"All": {
			why:  "both are still used",
			sets: []set{{team1, allReferences}, {team2, allReferences}},
			want: []string{"ControlPlane", "InfraCluster"},
			left: 2,
		},
		"OneOfTwo": {
			why:  "no profile is made of the other one",
			sets: []set{{team1, allReferences[:1]}, {team2, allReferences[:1]}},
			want: []string{"ControlPlane"},
			left: 2,
		},
		"OneCluster": {
			why:  "the other Cluster still uses them",
			sets: []set{{team1, noReferences}},
			want: []string{"ControlPlane", "InfraCluster"},
			left: 1,
		},
		"None": {
			why:  "both Clusters are gone",
			sets: []set{{team1, noReferences}, {team2, noReferences}},
		},
		"OtherObject": {
			why: "the object has another name now, and is watched when it is read",
			sets: []set{{team1, noReferences}, {team2, []clusterv1.ContractVersionedObjectReference{
				{APIGroup: controlPlane.Group, Kind: controlPlane.Kind, Name: "renamed"},
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, cache := newTestReferences(clocktesting.NewFakeClock(time.Now()))
			for _, namespace := range []string{team1, team2} {
				for _, ref := range allReferences {
					if _, err := r.get(t.Context(), clusterIn(namespace), ref); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, set := range tc.sets {
				if err := r.set(t.Context(), client.ObjectKeyFromObject(clusterIn(set.namespace)), set.refs); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, cache.watched()); diff != "" {
				t.Errorf("%s: watched kinds -want +got:\n%s", tc.why, diff)
			}
			if len(r.clusters) != tc.left {
				t.Errorf("%s: references of %d Clusters are held", tc.why, len(r.clusters))
			}
		})
	}
}

func TestReferenceChanged(t *testing.T) {
	r, cache := newTestReferences(clocktesting.NewFakeClock(time.Now()))
	if _, err := r.get(t.Context(), clusterIn(team1), referenceTo(controlPlane)); err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	object.SetNamespace(team1)
	object.SetName("c1")
	other := object.DeepCopy()
	other.SetName("c2")
	handler := cache.kinds[controlPlane].handler
	// One that no Cluster refers to is not sent: nothing receives here.
	handler.OnUpdate(other, other)
	go handler.OnUpdate(object, object)
	if got := (<-r.changed).Object; got != (types.NamespacedName{Namespace: team1, Name: "c1"}) {
		t.Errorf("got %s", got)
	}
}

func TestReferencesThatAreNotListed(t *testing.T) {
	for name, tc := range map[string]struct {
		why   string
		kind  schema.GroupVersionKind
		after time.Duration
		// message is part of why the object is unknown.
		message       string
		long, syncing bool
	}{
		"AtOnce": {
			why: "the list takes a moment", kind: controlPlane, message: "first list of ControlPlane", syncing: true,
		},
		"Slow": {
			why:  "what was published of it stays",
			kind: controlPlane, after: initialSyncTimeout + time.Second, message: "first list of ControlPlane",
		},
		"TooSlow": {
			why:  "it does not pass by itself",
			kind: controlPlane, after: slowSyncAfter + time.Second, message: "first list of ControlPlane", long: true,
		},
		"NotServed": {
			why: "a provider is not installed",
			kind: schema.GroupVersionKind{
				Group: "other.example.com",
				Kind:  "Other",
			}, message: "serves no Other.other.example.com", long: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := clocktesting.NewFakeClock(time.Now())
			r, cache := newTestReferences(clock)
			if _, err := r.get(t.Context(), clusterIn(team1), referenceTo(tc.kind)); err != nil {
				t.Fatal(err)
			}
			for _, informer := range cache.kinds {
				informer.synced = false
			}
			clock.Step(tc.after)
			got, err := r.get(t.Context(), clusterIn(team1), referenceTo(tc.kind))
			if err != nil {
				t.Fatal(err)
			}
			if got.syncing != tc.syncing || got.unknown.Long != tc.long || !strings.Contains(got.unknown.Why, tc.message) {
				t.Errorf("%s: got %+v", tc.why, got)
			}
		})
	}
}
