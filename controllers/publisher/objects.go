// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"errors"
	"fmt"
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

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// objects watches the objects that Clusters refer to, control planes and infrastructure, of whatever kinds there are. A kind
// is watched while a profile is made of an object of it and no longer.
type objects struct {
	cache  cache.Cache
	mapper meta.RESTMapper
	clock  clock.PassiveClock
	// changed names a Cluster that refers to an object that changed; nobody listens any more when done is closed.
	changed chan event.TypedGenericEvent[types.NamespacedName]
	done    <-chan struct{}

	mu      sync.Mutex
	watched map[schema.GroupVersionKind]*watchedKind
	// uses are the objects that the profiles of a Cluster are made of.
	uses map[types.NamespacedName][]objectRef
	// missing are the kinds that the API server did not know, and when it was asked.
	missing map[schema.GroupKind]time.Time
}

// watchedKind is a kind and the Clusters that refer to an object of it, by that object.
type watchedKind struct {
	informer cache.Informer
	since    time.Time
	clusters map[types.NamespacedName][]types.NamespacedName
}

// objectRef is an object of a watched kind.
type objectRef struct {
	kind schema.GroupVersionKind
	name types.NamespacedName
}

func newObjects(cache cache.Cache, mapper meta.RESTMapper, clock clock.PassiveClock, done <-chan struct{}) *objects {
	return &objects{
		cache:   cache,
		mapper:  mapper,
		clock:   clock,
		changed: make(chan event.TypedGenericEvent[types.NamespacedName]),
		done:    done,
		watched: map[schema.GroupVersionKind]*watchedKind{},
		uses:    map[types.NamespacedName][]objectRef{},
		missing: map[schema.GroupKind]time.Time{},
	}
}

const (
	// firstList is how long the first list of a kind is waited for before anything is published. After that, what was published
	// of its objects stays until the list is there.
	firstList = 5 * time.Second
	// lateList is after how long a first list is not just slow.
	lateList = time.Minute
	// askAgain is how long a kind that the API server does not know is not asked for again.
	askAgain = 30 * time.Second
)

// found is what is known of an object that a Cluster refers to.
type found struct {
	// object is its content; nil where it does not exist.
	object map[string]any
	// unknown says why it is not known whether it exists.
	unknown profile.Unknown
	// wait says that this will be known in a moment.
	wait bool
}

// get returns the object that a Cluster refers to. One that has not been seen yet is not absent.
func (o *objects) get(ctx context.Context, cluster *clusterv1.Cluster, ref clusterv1.ContractVersionedObjectReference) (found, error) {
	if ref.Kind == "" {
		return found{}, nil
	}
	kind, installed, err := o.kindOf(ref)
	if err != nil {
		return found{}, err
	}
	if !installed {
		why := fmt.Sprintf("the API server serves no %s.%s, which the Cluster refers to", ref.Kind, ref.APIGroup)
		return found{unknown: profile.Unknown{Why: why, Long: true}}, nil
	}
	key := types.NamespacedName{Namespace: cluster.Namespace, Name: ref.Name}
	watched, err := o.watch(ctx, objectRef{kind: kind, name: key}, client.ObjectKeyFromObject(cluster))
	if err != nil {
		return found{}, err
	}
	if !watched.informer.HasSynced() {
		waited := o.clock.Since(watched.since)
		why := fmt.Sprintf("the first list of %s.%s has not arrived yet: it is large, or the publisher may not list it", ref.Kind, ref.APIGroup)
		return found{unknown: profile.Unknown{Why: why, Long: waited > lateList}, wait: waited <= firstList}, nil
	}
	object := newUnstructured(kind)
	if err := o.cache.Get(ctx, key, object); err != nil {
		return found{}, client.IgnoreNotFound(err)
	}
	return found{object: object.Object}, nil
}

// kindOf finds the version of a kind to read; false where the API server does not know the kind.
func (o *objects) kindOf(ref clusterv1.ContractVersionedObjectReference) (schema.GroupVersionKind, bool, error) {
	kind := schema.GroupKind{Group: ref.APIGroup, Kind: ref.Kind}
	o.mu.Lock()
	asked, missing := o.missing[kind]
	o.mu.Unlock()
	if missing && o.clock.Since(asked) < askAgain {
		return schema.GroupVersionKind{}, false, nil
	}
	mapping, err := o.mapper.RESTMapping(kind)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case meta.IsNoMatchError(err):
		o.missing[kind] = o.clock.Now()
		return schema.GroupVersionKind{}, false, nil
	case err != nil:
		return schema.GroupVersionKind{}, false, fmt.Errorf("finding the resource of %s: %w", kind, err)
	}
	delete(o.missing, kind)
	return mapping.GroupVersionKind, true, nil
}

// watch starts watching a kind for a Cluster that refers to an object of it, unless it is watched already. It does not wait
// for the first list.
func (o *objects) watch(ctx context.Context, object objectRef, cluster types.NamespacedName) (*watchedKind, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.watched[object.kind]
	if w == nil {
		informer, err := o.cache.GetInformer(ctx, newUnstructured(object.kind), cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watching %s: %w", object.kind.GroupKind(), err)
		}
		notify := func(of any) { o.notify(object.kind, of) }
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    notify,
			UpdateFunc: func(_, of any) { notify(of) },
			DeleteFunc: notify,
		}); err != nil {
			return nil, fmt.Errorf("watching %s: %w", object.kind.GroupKind(), err)
		}
		w = &watchedKind{informer: informer, since: o.clock.Now(), clusters: map[types.NamespacedName][]types.NamespacedName{}}
		o.watched[object.kind] = w
		logf.FromContext(ctx).Info("Watching a kind that Clusters refer to", "kind", object.kind.String())
	}
	if !slices.Contains(o.uses[cluster], object) {
		o.uses[cluster] = append(o.uses[cluster], object)
		w.clusters[object.name] = append(w.clusters[object.name], cluster)
	}
	return w, nil
}

// notify passes on which Clusters an object concerns.
func (o *objects) notify(kind schema.GroupVersionKind, object any) {
	name, err := toolscache.DeletionHandlingObjectToName(object)
	if err != nil {
		return
	}
	o.mu.Lock()
	var clusters []types.NamespacedName
	if w := o.watched[kind]; w != nil {
		clusters = slices.Clone(w.clusters[name.AsNamespacedName()])
	}
	o.mu.Unlock()
	for _, cluster := range clusters {
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
	var kept []objectRef
	var errs []error
	for _, object := range o.uses[cluster] {
		if refersTo(refs, object) {
			kept = append(kept, object)
			continue
		}
		errs = append(errs, o.drop(ctx, object, cluster))
	}
	if len(kept) == 0 {
		delete(o.uses, cluster)
	} else {
		o.uses[cluster] = kept
	}
	return errors.Join(errs...)
}

// drop ends a Cluster's use of an object. It must be called with the lock held.
func (o *objects) drop(ctx context.Context, object objectRef, cluster types.NamespacedName) error {
	w := o.watched[object.kind]
	left := slices.DeleteFunc(w.clusters[object.name], func(of types.NamespacedName) bool { return of == cluster })
	if w.clusters[object.name] = left; len(left) == 0 {
		delete(w.clusters, object.name)
	}
	if len(w.clusters) > 0 {
		return nil
	}
	delete(o.watched, object.kind)
	if err := o.cache.RemoveInformer(ctx, newUnstructured(object.kind)); err != nil {
		return fmt.Errorf("ending the watch of %s: %w", object.kind.GroupKind(), err)
	}
	logf.FromContext(ctx).Info("No profile is made of a kind any more", "kind", object.kind.String())
	return nil
}

func refersTo(refs []clusterv1.ContractVersionedObjectReference, object objectRef) bool {
	return slices.Contains(refs, clusterv1.ContractVersionedObjectReference{APIGroup: object.kind.Group, Kind: object.kind.Kind, Name: object.name.Name})
}

func newUnstructured(kind schema.GroupVersionKind) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}
