// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package listing

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/feed"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
)

// change is a change of the table; its error ends the watch.
type change func(*watchTable) error

// feedsOf returns the feeds of a selection. SpokeChecks are watched if the hub has them.
func feedsOf(hub client.Client, selection lookup.Selection) ([]feed.Feed, error) {
	_, err := hub.RESTMapper().RESTMapping(v1alpha1.SchemeGroupVersion.WithKind("SpokeCheck").GroupKind())
	if err != nil && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("finding out whether the hub has SpokeChecks: %w", err)
	}
	var feeds []feed.Feed
	for _, namespace := range selection.Namespaces() {
		feeds = append(feeds, feed.Feed{
			Kind:      "ClusterProfiles",
			Object:    &inventoryv1alpha1.ClusterProfile{},
			Namespace: namespace,
			Selector:  selection.Selector,
			NewList:   func() client.ObjectList { return &inventoryv1alpha1.ClusterProfileList{} },
		})
		if err == nil {
			feeds = append(feeds, feed.Feed{
				Kind:      "SpokeChecks",
				Object:    &v1alpha1.SpokeCheck{},
				Namespace: namespace,
				NewList:   func() client.ObjectList { return &v1alpha1.SpokeCheckList{} },
			})
		}
	}
	return feeds, nil
}

// sink sends what a feed reports to the loop, as changes of the table.
type sink struct {
	feed    feed.Feed
	changes chan<- change
	done    <-chan struct{}
	once    sync.Once
}

func (s *sink) send(c change) {
	select {
	case s.changes <- c:
	case <-s.done:
	}
}

func (s *sink) Put(object client.Object) {
	s.send(func(t *watchTable) error { t.put(object); return nil })
}

func (s *sink) Remove(object client.Object) {
	s.send(func(t *watchTable) error { t.remove(object); return nil })
}

func (s *sink) Synced() {
	s.once.Do(func() { s.send(func(t *watchTable) error { t.synced(); return nil }) })
}

func (s *sink) Failed(err error) {
	s.send(func(t *watchTable) error { t.Warnf("watching %s: %s; trying again", s.feed.Where(), err); return nil })
}

// Recovered does nothing: the rows that have changed are printed.
func (s *sink) Recovered() {}

// Ended ends the watch, except for SpokeChecks, which are optional.
func (s *sink) Ended(err error) {
	if _, optional := s.feed.Object.(*v1alpha1.SpokeCheck); !optional {
		s.send(func(*watchTable) error { return fmt.Errorf("watching %s: %w", s.feed.Where(), err) })
		return
	}
	s.send(func(t *watchTable) error { t.hideChecks(s.feed.Namespace, err); return nil })
	s.Synced()
}
