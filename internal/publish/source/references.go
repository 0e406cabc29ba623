// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Versions, and what expressions read, are on the objects that Clusters refer to. Those of other API groups are granted by
// roles with the label capi-inventory.dev/aggregate-to-publisher.
// +kubebuilder:rbac:groups=controlplane.cluster.x-k8s.io;infrastructure.cluster.x-k8s.io,resources=*,verbs=get;list;watch

// references watches the objects that Clusters refer to, control planes and infrastructure, of all kinds that occur. A kind is
// watched while a profile is made of an object of it and no longer.
type references struct {
	cache  ctrlcache.Cache
	mapper meta.RESTMapper
	clock  clock.PassiveClock
	// changed names a Cluster that refers to an object that changed; no receiver is left when done is closed.
	changed chan event.TypedGenericEvent[types.NamespacedName]
	done    <-chan struct{}

	mu    sync.Mutex
	kinds map[schema.GroupVersionKind]*watchedKind
	// clusters are the objects that the profiles of a Cluster are made of.
	clusters map[types.NamespacedName][]reference
	// unserved are the kinds that the API server did not serve, and when that was seen.
	unserved map[schema.GroupKind]time.Time
}

// watchedKind is a kind and the Clusters that refer to an object of it, by that object.
type watchedKind struct {
	informer ctrlcache.Informer
	since    time.Time
	clusters map[types.NamespacedName][]types.NamespacedName
}

// reference is an object of a watched kind.
type reference struct {
	kind schema.GroupVersionKind
	name types.NamespacedName
}

func newReferences(
	cache ctrlcache.Cache, mapper meta.RESTMapper, clk clock.PassiveClock,
	changed chan event.TypedGenericEvent[types.NamespacedName], done <-chan struct{},
) *references {
	return &references{
		cache:    cache,
		mapper:   mapper,
		clock:    clk,
		changed:  changed,
		done:     done,
		kinds:    map[schema.GroupVersionKind]*watchedKind{},
		clusters: map[types.NamespacedName][]reference{},
		unserved: map[schema.GroupKind]time.Time{},
	}
}

const (
	// initialSyncTimeout is how long the first list of a kind is waited for before anything is published. After that, what was
	// published of its objects stays until the list is there.
	initialSyncTimeout = 5 * time.Second
	// slowSyncAfter is after how long a missing first list is reported as more than slow.
	slowSyncAfter = time.Minute
	// discoveryInterval is how long a kind that the API server does not serve is not looked up again.
	discoveryInterval = 30 * time.Second
)

// referenced is what is known of an object that a Cluster refers to.
type referenced struct {
	// object is its content; nil if it does not exist.
	object map[string]any
	// unknown is why it is not known whether it exists.
	unknown profile.Unknown
	// syncing reports whether this will be known in a moment.
	syncing bool
}

// get returns the object that a Cluster refers to. One that has not been listed yet is not absent.
func (r *references) get(
	ctx context.Context, cluster *clusterv1.Cluster, ref clusterv1.ContractVersionedObjectReference,
) (referenced, error) {
	if ref.Kind == "" {
		return referenced{}, nil
	}
	kind, served, err := r.kindOf(ref)
	if err != nil {
		return referenced{}, err
	}
	if !served {
		why := fmt.Sprintf("the API server serves no %s.%s, which the Cluster refers to", ref.Kind, ref.APIGroup)
		return referenced{unknown: profile.Unknown{Why: why, Long: true}}, nil
	}
	key := types.NamespacedName{Namespace: cluster.Namespace, Name: ref.Name}
	watched, err := r.watch(ctx, reference{kind: kind, name: key}, client.ObjectKeyFromObject(cluster))
	if err != nil {
		return referenced{}, err
	}
	if !watched.informer.HasSynced() {
		waited := r.clock.Since(watched.since)
		why := fmt.Sprintf("the first list of %s.%s has not arrived yet: it is large, or the publisher may not list it",
			ref.Kind, ref.APIGroup)
		return referenced{
			unknown: profile.Unknown{Why: why, Long: waited > slowSyncAfter},
			syncing: waited <= initialSyncTimeout,
		}, nil
	}
	object := newUnstructured(kind)
	if err := r.cache.Get(ctx, key, object); err != nil {
		return referenced{}, client.IgnoreNotFound(err)
	}
	return referenced{object: object.Object}, nil
}

// listed reports whether the first list of every kind has arrived.
func (r *references) listed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, watched := range r.kinds {
		if !watched.informer.HasSynced() {
			return false
		}
	}
	return true
}

// kindOf finds the version of a kind to read; false if the API server does not serve the kind.
func (r *references) kindOf(ref clusterv1.ContractVersionedObjectReference) (schema.GroupVersionKind, bool, error) {
	kind := schema.GroupKind{Group: ref.APIGroup, Kind: ref.Kind}
	r.mu.Lock()
	seen, unserved := r.unserved[kind]
	r.mu.Unlock()
	if unserved && r.clock.Since(seen) < discoveryInterval {
		return schema.GroupVersionKind{}, false, nil
	}
	mapping, err := r.mapper.RESTMapping(kind)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case meta.IsNoMatchError(err):
		now := r.clock.Now()
		// A Cluster may name any kind: what was seen long ago is looked up again anyway.
		maps.DeleteFunc(r.unserved, func(_ schema.GroupKind, seen time.Time) bool { return now.Sub(seen) >= discoveryInterval })
		r.unserved[kind] = now
		return schema.GroupVersionKind{}, false, nil
	case err != nil:
		return schema.GroupVersionKind{}, false, fmt.Errorf("finding the resource of %s: %w", kind, err)
	}
	delete(r.unserved, kind)
	return mapping.GroupVersionKind, true, nil
}

// set replaces the objects that a Cluster's profiles are made of, by none if it is gone. A kind of which no object is left is not
// watched any more. An object that is not read yet is not watched for being set.
func (r *references) set(
	ctx context.Context, cluster types.NamespacedName, refs []clusterv1.ContractVersionedObjectReference,
) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var (
		kept []reference
		errs []error
	)
	for _, object := range r.clusters[cluster] {
		if object.in(refs) {
			kept = append(kept, object)
			continue
		}
		errs = append(errs, r.drop(ctx, object, cluster))
	}
	if len(kept) == 0 {
		delete(r.clusters, cluster)
	} else {
		r.clusters[cluster] = kept
	}
	return errors.Join(errs...)
}

func (r reference) in(refs []clusterv1.ContractVersionedObjectReference) bool {
	return slices.Contains(refs, clusterv1.ContractVersionedObjectReference{
		APIGroup: r.kind.Group,
		Kind:     r.kind.Kind,
		Name:     r.name.Name,
	})
}
