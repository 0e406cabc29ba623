// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package feed watches objects of the hub with the rights of the user. An informer retries forever without a report if it may not read
// its kind, so a feed checks every response of the hub.
package feed

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
	responses := &responses{handler: handler, stop: stop}
	informer := toolscache.NewSharedIndexInformer(f.source(hub, responses.report), f.Object, 0, nil)
	err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *toolscache.Reflector, err error) {
		if !isEndOfStream(err) {
			responses.report(err)
		}
	})
	if err != nil {
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

// source lists and watches by the hub's client. report gets the error of every response, or nil.
func (f Feed) source(hub client.WithWatch, report func(error)) *toolscache.ListWatch {
	options := func(raw metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{Namespace: f.Namespace, LabelSelector: f.Selector, Raw: &raw}
	}
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			list := f.NewList()
			err := hub.List(ctx, list, options(raw))
			report(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			events, err := hub.Watch(ctx, f.NewList(), options(raw))
			// A hub that does not support streaming lists responds with an error, and the informer lists next.
			if streamed := raw.SendInitialEvents != nil; !streamed || isPermanent(err) || !isResponse(err) {
				report(err)
			}
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

// responses evaluates the responses of the hub.
type responses struct {
	handler Handler
	stop    context.CancelFunc

	mu sync.Mutex
	// lastError is the last error that was reported, until the hub responds again.
	lastError string
	ended     bool
}

// report reports the error of a response: a permanent one ends the feed, and any other is reported once.
func (r *responses) report(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ended:
	case err == nil:
		if r.lastError != "" {
			r.handler.Recovered()
		}
		r.lastError = ""
	case isPermanent(err):
		r.ended = true
		r.handler.Ended(err)
		r.stop()
	case !isExpected(err) && r.lastError != err.Error():
		r.lastError = err.Error()
		r.handler.Failed(err)
	}
}

// isPermanent reports whether the hub would return the same error again.
func isPermanent(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
}

// isResponse reports whether an error is a response of the hub.
func isResponse(err error) bool {
	var response apierrors.APIStatus
	return errors.As(err, &response)
}

// isExpected reports whether an error occurs in every long watch.
func isExpected(err error) bool {
	return errors.Is(err, context.Canceled) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}

// isEndOfStream reports whether an error may be the end of a watch, as every watch ends. A list that gets no response, where a load
// balancer has no server, fails with the same error, and is reported when it is made. Of a watch client-go hides it.
func isEndOfStream(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
