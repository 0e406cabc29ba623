// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// watch starts watching a kind for a Cluster that refers to an object of it, unless it is watched already. It does not wait
// for the first list.
func (r *references) watch(ctx context.Context, object reference, cluster types.NamespacedName) (*watchedKind, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.kinds[object.kind]
	if w == nil {
		informer, err := r.inform(ctx, object.kind)
		if err != nil {
			return nil, fmt.Errorf("watching %s: %w", object.kind.GroupKind(), err)
		}
		w = &watchedKind{informer: informer, since: r.clock.Now(), clusters: map[types.NamespacedName][]types.NamespacedName{}}
		r.kinds[object.kind] = w
		logf.FromContext(ctx).Info("Watching a kind that Clusters refer to", "kind", object.kind.String())
	}
	if !slices.Contains(r.clusters[cluster], object) {
		r.clusters[cluster] = append(r.clusters[cluster], object)
		w.clusters[object.name] = append(w.clusters[object.name], cluster)
	}
	return w, nil
}

func (r *references) inform(ctx context.Context, kind schema.GroupVersionKind) (ctrlcache.Informer, error) {
	informer, err := r.cache.GetInformer(ctx, newUnstructured(kind), ctrlcache.BlockUntilSynced(false))
	if err != nil {
		return nil, err
	}
	notify := func(object any) { r.notify(kind, object) }
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    notify,
		UpdateFunc: func(_, object any) { notify(object) },
		DeleteFunc: notify,
	})
	return informer, err
}

// notify sends the names of the Clusters that refer to an object.
func (r *references) notify(kind schema.GroupVersionKind, object any) {
	name, err := toolscache.DeletionHandlingObjectToName(object)
	if err != nil {
		return
	}
	r.mu.Lock()
	var clusters []types.NamespacedName
	if w := r.kinds[kind]; w != nil {
		clusters = slices.Clone(w.clusters[name.AsNamespacedName()])
	}
	r.mu.Unlock()
	for _, cluster := range clusters {
		select {
		case r.changed <- event.TypedGenericEvent[types.NamespacedName]{Object: cluster}:
		case <-r.done:
		}
	}
}

// drop ends a Cluster's use of an object. It must be called with the lock held.
func (r *references) drop(ctx context.Context, object reference, cluster types.NamespacedName) error {
	w := r.kinds[object.kind]
	rest := slices.DeleteFunc(w.clusters[object.name], func(c types.NamespacedName) bool { return c == cluster })
	if w.clusters[object.name] = rest; len(rest) == 0 {
		delete(w.clusters, object.name)
	}
	if len(w.clusters) > 0 {
		return nil
	}
	delete(r.kinds, object.kind)
	if err := r.cache.RemoveInformer(ctx, newUnstructured(object.kind)); err != nil {
		return fmt.Errorf("ending the watch of %s: %w", object.kind.GroupKind(), err)
	}
	logf.FromContext(ctx).Info("No profile is made of a kind any more", "kind", object.kind.String())
	return nil
}

func newUnstructured(kind schema.GroupVersionKind) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	return object
}
