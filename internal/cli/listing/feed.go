// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package listing

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

// change is a change of the table; its error ends the watch.
type change func(*watchTable) error

// feed watches one kind in one namespace, so that a missing right in one namespace does not affect the others. An informer retries
// forever without a report if it may not read its kind, so the feed checks every response of the hub.
type feed struct {
	kind      string
	object    client.Object
	list      func() client.ObjectList
	namespace string
	selector  labels.Selector
	// required means that the watch fails without this feed.
	required bool

	mu sync.Mutex
	// lastError is the last error that was reported, until the hub answers again.
	lastError string
	once      sync.Once
}

// feedsOf returns the feeds of a selection. SpokeChecks are watched if the hub has them.
func feedsOf(hub client.Client, selection lookup.Selection) ([]*feed, error) {
	_, err := hub.RESTMapper().RESTMapping(v1alpha1.SchemeGroupVersion.WithKind("SpokeCheck").GroupKind())
	if err != nil && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("finding out whether the hub has SpokeChecks: %w", err)
	}
	var feeds []*feed
	for _, namespace := range selection.Namespaces() {
		feeds = append(feeds, &feed{
			kind:      "ClusterProfiles",
			object:    &inventoryv1alpha1.ClusterProfile{},
			namespace: namespace,
			selector:  selection.Selector,
			required:  true,
			list:      func() client.ObjectList { return &inventoryv1alpha1.ClusterProfileList{} },
		})
		if err == nil {
			feeds = append(feeds, &feed{
				kind:      "SpokeChecks",
				object:    &v1alpha1.SpokeCheck{},
				namespace: namespace,
				list:      func() client.ObjectList { return &v1alpha1.SpokeCheckList{} },
			})
		}
	}
	return feeds, nil
}

// start watches until ctx ends, or the user may not watch the kind.
func (f *feed) start(ctx context.Context, hub client.WithWatch, changes chan<- change) error {
	// The feed itself reports errors, so the informer does not log them.
	ctx, stop := context.WithCancel(logr.NewContext(ctx, logr.Discard()))
	send := func(c change) {
		select {
		case changes <- c:
		case <-ctx.Done():
		}
	}
	informer := toolscache.NewSharedIndexInformer(f.source(hub, func(err error) { f.handle(err, send, stop) }), f.object, 0, nil)
	err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *toolscache.Reflector, err error) {
		f.handle(err, send,
			stop)
	})
	if err != nil {
		stop()
		return fmt.Errorf("watching %s: %w", f.kind, err)
	}
	put := func(object any) { send(func(t *watchTable) error { t.put(object.(client.Object)); return nil }) }
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    put,
		UpdateFunc: func(_, object any) { put(object) },
		DeleteFunc: func(object any) {
			if last, missed := object.(toolscache.DeletedFinalStateUnknown); missed {
				object = last.Obj
			}
			send(func(t *watchTable) error { t.remove(object.(client.Object)); return nil })
		},
	})
	if err != nil {
		stop()
		return fmt.Errorf("watching %s: %w", f.kind, err)
	}
	go informer.RunWithContext(ctx)
	go func() {
		if toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			f.sendSynced(send)
		}
	}()
	return nil
}

// source lists and watches by the hub's client. report gets the error of every response, or nil.
func (f *feed) source(hub client.WithWatch, report func(error)) *toolscache.ListWatch {
	options := func(raw metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{Namespace: f.namespace, LabelSelector: f.selector, Raw: &raw}
	}
	return &toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			list := f.list()
			err := hub.List(ctx, list, options(raw))
			report(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			events, err := hub.Watch(ctx, f.list(), options(raw))
			if streamed := raw.SendInitialEvents != nil; !streamed || err == nil || isPermanent(err) {
				report(err)
			}
			// If a hub does not support streaming lists, the informer lists next.
			return events, err
		},
	}
}

// handle handles the error of a response: a permanent one ends the feed, and any other is reported once.
func (f *feed) handle(err error, send func(change), stop context.CancelFunc) {
	if err != nil && isPermanent(err) {
		f.end(err, send)
		stop()
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.lastError = ""
		return
	}
	if isExpected(err) || f.lastError == err.Error() {
		return
	}
	f.lastError = err.Error()
	send(func(t *watchTable) error {
		t.Warnf("watching %s%s: %s; trying again", f.kind, f.where(), err)
		return nil
	})
}

func (f *feed) end(err error, send func(change)) {
	if f.required {
		send(func(*watchTable) error { return fmt.Errorf("watching %s%s: %w", f.kind, f.where(), err) })
		return
	}
	send(func(t *watchTable) error { t.hideChecks(f.namespace, err); return nil })
	f.sendSynced(send)
}

func (f *feed) sendSynced(send func(change)) {
	f.once.Do(func() { send(func(t *watchTable) error { t.synced(); return nil }) })
}

func (f *feed) where() string {
	if f.namespace == "" {
		return ""
	}
	return " in the namespace " + f.namespace
}

// isPermanent reports whether the hub would return the same error again.
func isPermanent(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
}

// isExpected reports whether an error occurs in every long watch.
func isExpected(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}
