// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
)

// change is what a feed does to the board; its error ends the watch.
type change func(*board) error

// feed watches one kind in one namespace, so that what may not be watched in one of them holds up nothing in the others. An
// informer of a kind that may not be read tries again for ever and says nothing, so every answer of the hub is looked at here.
type feed struct {
	kind      string
	object    client.Object
	list      func() client.ObjectList
	namespace string
	selector  labels.Selector
	// required says that the watch is nothing without this feed.
	required bool

	mu sync.Mutex
	// trouble is the last error, until the hub answers again.
	trouble string
	once    sync.Once
}

// feedsOf are the feeds that a scope needs. SpokeChecks are watched where the hub has them.
func feedsOf(hub client.Client, scope lookup.Selection) ([]*feed, error) {
	_, err := hub.RESTMapper().RESTMapping(v1alpha1.SchemeGroupVersion.WithKind("SpokeCheck").GroupKind())
	if err != nil && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("asking whether the hub has SpokeChecks: %w", err)
	}
	var feeds []*feed
	for _, namespace := range scope.Namespaces() {
		feeds = append(feeds, &feed{
			kind: "ClusterProfiles", object: &inventoryv1alpha1.ClusterProfile{}, namespace: namespace, selector: scope.Selector, required: true,
			list: func() client.ObjectList { return &inventoryv1alpha1.ClusterProfileList{} },
		})
		if err == nil {
			feeds = append(feeds, &feed{
				kind: "SpokeChecks", object: &v1alpha1.SpokeCheck{}, namespace: namespace,
				list: func() client.ObjectList { return &v1alpha1.SpokeCheckList{} },
			})
		}
	}
	return feeds, nil
}

// start watches until ctx ends, or the hub says that this may not be watched.
func (f *feed) start(ctx context.Context, hub client.WithWatch, changes chan<- change) error {
	// What an informer logs is said here, in the words of this command.
	ctx, stop := context.WithCancel(logr.NewContext(ctx, logr.Discard()))
	send := func(c change) {
		select {
		case changes <- c:
		case <-ctx.Done():
		}
	}
	informer := toolscache.NewSharedIndexInformer(f.source(hub, func(err error) { f.fail(err, send, stop) }), f.object, 0, nil)
	err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *toolscache.Reflector, err error) { f.fail(err, send, stop) })
	if err != nil {
		stop()
		return fmt.Errorf("watching %s: %w", f.kind, err)
	}
	put := func(object any) { send(func(b *board) error { b.put(object.(client.Object)); return nil }) }
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    put,
		UpdateFunc: func(_, object any) { put(object) },
		DeleteFunc: func(object any) {
			if last, unseen := object.(toolscache.DeletedFinalStateUnknown); unseen {
				object = last.Obj
			}
			send(func(b *board) error { b.remove(object.(client.Object)); return nil })
		},
	})
	if err != nil {
		stop()
		return fmt.Errorf("watching %s: %w", f.kind, err)
	}
	go informer.RunWithContext(ctx)
	go func() {
		if toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			f.once.Do(func() { send(func(b *board) error { b.delivered(); return nil }) })
		}
	}()
	return nil
}

// source lists and watches by way of the hub's client. failed gets every error.
func (f *feed) source(hub client.WithWatch, failed func(error)) *toolscache.ListWatch {
	options := func(raw metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{Namespace: f.namespace, LabelSelector: f.selector, Raw: &raw}
	}
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			list := f.list()
			err := hub.List(ctx, list, options(raw))
			failed(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			events, err := hub.Watch(ctx, f.list(), options(raw))
			if streamed := raw.SendInitialEvents != nil; !streamed || err == nil || forGood(err) {
				failed(err)
			}
			// A hub that cannot send what there is as a stream is asked for a list next.
			return events, err
		},
	}
}

// fail looks at an answer of the hub: one that will not change ends the feed, and any other is said once.
func (f *feed) fail(err error, send func(change), stop context.CancelFunc) {
	if err != nil && forGood(err) {
		f.end(err, send)
		stop()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.trouble = ""
		return
	}
	if passing(err) || f.trouble == err.Error() {
		return
	}
	f.trouble = err.Error()
	send(func(b *board) error { b.say("watching %s%s: %s; trying again", f.kind, f.where(), err); return nil })
}

func (f *feed) end(err error, send func(change)) {
	if f.required {
		send(func(*board) error { return fmt.Errorf("watching %s%s: %w", f.kind, f.where(), err) })
		return
	}
	send(func(b *board) error { b.blind(f.namespace, err); return nil })
	f.once.Do(func() { send(func(b *board) error { b.delivered(); return nil }) })
}

func (f *feed) where() string {
	if f.namespace == "" {
		return ""
	}
	return " in the namespace " + f.namespace
}

// forGood says whether the hub would answer the same again.
func forGood(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
}

// passing says whether an error belongs to every long watch.
func passing(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}
