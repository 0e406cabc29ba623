// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// objects watches the objects that Clusters refer to, control planes and infrastructure, of whatever kinds there are. A kind
// is watched while a profile is made of an object of it and no longer.
type objects struct {
	cache  cache.Cache
	mapper meta.RESTMapper
	clock  clock.PassiveClock
	// changed names the Cluster that refers to an object that changed; nobody listens any more when done is closed.
	changed chan event.TypedGenericEvent[types.NamespacedName]
	done    <-chan struct{}

	mu      sync.Mutex
	watched map[schema.GroupVersionKind]*watchedKind
}

// watchedKind is a kind and the Clusters that refer to an object of it, by that object.
type watchedKind struct {
	informer cache.Informer
	since    time.Time
	clusters map[types.NamespacedName]types.NamespacedName
}

func newObjects(cache cache.Cache, mapper meta.RESTMapper, clock clock.PassiveClock, done <-chan struct{}) *objects {
	return &objects{
		cache:   cache,
		mapper:  mapper,
		clock:   clock,
		changed: make(chan event.TypedGenericEvent[types.NamespacedName]),
		done:    done,
		watched: map[schema.GroupVersionKind]*watchedKind{},
	}
}

// firstList is how long a kind that was not watched before is waited for. One that may not be listed is not waited for
// longer; its objects count as absent.
const firstList = 5 * time.Second

// get returns the object that a Cluster refers to; nil where there is none. It is not known whether there is one before the
// first list of a kind.
func (o *objects) get(ctx context.Context, cluster *clusterv1.Cluster, ref clusterv1.ContractVersionedObjectReference) (object map[string]any, known bool, err error) {
	if ref.Kind == "" {
		return nil, true, nil
	}
	mapping, err := o.mapper.RESTMapping(schema.GroupKind{Group: ref.APIGroup, Kind: ref.Kind})
	if meta.IsNoMatchError(err) {
		logf.FromContext(ctx).V(1).Info("Kind is not installed", "group", ref.APIGroup, "kind", ref.Kind)
		return nil, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("finding the resource of %s.%s: %w", ref.Kind, ref.APIGroup, err)
	}
	key := types.NamespacedName{Namespace: cluster.Namespace, Name: ref.Name}
	watched, err := o.watch(ctx, mapping.GroupVersionKind, key, client.ObjectKeyFromObject(cluster))
	if err != nil {
		return nil, false, err
	}
	if !watched.informer.HasSynced() {
		return nil, o.clock.Since(watched.since) > firstList, nil
	}
	found := newUnstructured(mapping.GroupVersionKind)
	if err := o.cache.Get(ctx, key, found); err != nil {
		return nil, true, client.IgnoreNotFound(err)
	}
	return found.Object, true, nil
}

// watch starts watching a kind for a Cluster that refers to an object of it, unless it is watched already. It does not wait
// for the first list.
func (o *objects) watch(ctx context.Context, kind schema.GroupVersionKind, object, cluster types.NamespacedName) (*watchedKind, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w := o.watched[kind]; w != nil {
		w.clusters[object] = cluster
		return w, nil
	}
	informer, err := o.cache.GetInformer(ctx, newUnstructured(kind), cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", kind.GroupKind(), err)
	}
	tell := func(object any) { o.tell(kind, object) }
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    tell,
		UpdateFunc: func(_, object any) { tell(object) },
		DeleteFunc: tell,
	}); err != nil {
		return nil, fmt.Errorf("watching %s: %w", kind.GroupKind(), err)
	}
	w := &watchedKind{informer: informer, since: o.clock.Now(), clusters: map[types.NamespacedName]types.NamespacedName{object: cluster}}
	o.watched[kind] = w
	logf.FromContext(ctx).Info("Watching a kind that Clusters refer to", "kind", kind.String())
	return w, nil
}

// tell passes on which Cluster an object concerns.
func (o *objects) tell(kind schema.GroupVersionKind, object any) {
	name, err := toolscache.DeletionHandlingObjectToName(object)
	if err != nil {
		return
	}
	o.mu.Lock()
	var cluster types.NamespacedName
	concerned := false
	if w := o.watched[kind]; w != nil {
		cluster, concerned = w.clusters[name.AsNamespacedName()]
	}
	o.mu.Unlock()
	if concerned {
		select {
		case o.changed <- event.TypedGenericEvent[types.NamespacedName]{Object: cluster}:
		case <-o.done:
		}
	}
}

// keepOnly says of which objects a Cluster's profiles are made, of none where it is gone: a kind that no profile is made of is
// watched no more.
func (o *objects) keepOnly(ctx context.Context, cluster types.NamespacedName, refs ...clusterv1.ContractVersionedObjectReference) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for kind, w := range o.watched {
		maps.DeleteFunc(w.clusters, func(object, referrer types.NamespacedName) bool {
			return referrer == cluster && !refersTo(refs, kind, object.Name)
		})
		if len(w.clusters) > 0 {
			continue
		}
		delete(o.watched, kind)
		if err := o.cache.RemoveInformer(ctx, newUnstructured(kind)); err != nil {
			return fmt.Errorf("ending the watch of %s: %w", kind.GroupKind(), err)
		}
		logf.FromContext(ctx).Info("No profile is made of a kind any more", "kind", kind.String())
	}
	return nil
}

func refersTo(refs []clusterv1.ContractVersionedObjectReference, kind schema.GroupVersionKind, name string) bool {
	return slices.Contains(refs, clusterv1.ContractVersionedObjectReference{APIGroup: kind.Group, Kind: kind.Kind, Name: name})
}

func newUnstructured(kind schema.GroupVersionKind) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}
