// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package feed watches objects of the hub with the rights of the user. An informer retries forever without a report if it may not read
// its kind, so a feed checks every response of the hub.
package feed

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Feed watches one kind in one namespace, so that a missing right in one namespace does not affect the others.
type Feed struct {
	// Kind is the plural of the kind, for errors.
	Kind    string
	Object  client.Object
	NewList func() client.ObjectList
	// Namespace is the only namespace; empty means all.
	Namespace string
	// Selector selects by labels; nil means all.
	Selector labels.Selector
}

// Handler gets what a feed reports. Its methods may be called concurrently, and block the feed.
type Handler interface {
	Put(client.Object)
	Remove(client.Object)
	// Synced is called once, after Put has been called for each object of the initial state.
	Synced()
	// Failed is called with an error of the hub. The feed tries again; the same error is not reported again until the hub has responded.
	Failed(error)
	// Recovered is called when the hub responds again.
	Recovered()
	// Ended is called with the error that the hub would return again. The feed has ended.
	Ended(error)
}

// Start watches until ctx ends, or the user may not watch the kind.
func (f Feed) Start(ctx context.Context, hub client.WithWatch, handler Handler) error {
	// The feed itself reports errors, so the informer does not log them.
	ctx, stop := context.WithCancel(logr.NewContext(ctx, logr.Discard()))
	if err := f.start(ctx, hub, handler, stop); err != nil {
		stop()
		return fmt.Errorf("watching %s: %w", f.Where(), err)
	}
	return nil
}

func (f Feed) start(ctx context.Context, hub client.WithWatch, handler Handler, stop context.CancelFunc) error {
	informer := toolscache.NewSharedIndexInformer(f.source(hub, &responses{handler: handler, stop: stop}), f.Object, 0, nil)
	// The errors are those of the source, which has reported them.
	if err := informer.SetWatchErrorHandlerWithContext(func(context.Context, *toolscache.Reflector, error) {}); err != nil {
		return err
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { handler.Put(object.(client.Object)) },
		UpdateFunc: func(_, object any) { handler.Put(object.(client.Object)) },
		DeleteFunc: func(object any) {
			if last, missed := object.(toolscache.DeletedFinalStateUnknown); missed {
				object = last.Obj
			}
			handler.Remove(object.(client.Object))
		},
	})
	if err != nil {
		return err
	}
	go informer.RunWithContext(ctx)
	go func() {
		if toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			handler.Synced()
		}
	}()
	return nil
}

// source lists and watches by the hub's client, and has every response evaluated.
func (f Feed) source(hub client.WithWatch, responses *responses) *toolscache.ListWatch {
	options := func(raw metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{Namespace: f.Namespace, LabelSelector: f.Selector, Raw: &raw}
	}
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			list := f.NewList()
			err := hub.List(ctx, list, options(raw))
			responses.listed(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			events, err := hub.Watch(ctx, f.NewList(), options(raw))
			responses.watched(err, raw.SendInitialEvents != nil)
			return events, err
		},
	}
}

// Where returns the kind and the namespace.
func (f Feed) Where() string {
	if f.Namespace == "" {
		return f.Kind
	}
	return f.Kind + " in the namespace " + f.Namespace
}
