// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// waitingForSpokeChecks is their key in Facts.Waiting, beside the variables of expressions.
const waitingForSpokeChecks = "spokeChecks"

// spokeChecks watches SpokeChecks while an Inventory trusts them. A hub without a consumer need not have them.
type spokeChecks struct {
	cache  ctrlcache.Cache
	serves func() (bool, error)
	clock  clock.Clock
	// changed names the profile of a SpokeCheck that says something else; no receiver is left when done is closed.
	changed chan event.TypedGenericEvent[types.NamespacedName]
	done    <-chan struct{}

	mu sync.Mutex
	// watched is nil while SpokeChecks are not watched. To change it takes inUse, too.
	watched *watchedChecks
	// inUse is held for reading while the cache is read without mu, which is held while the API server is asked: a read of an informer
	// that was removed would start it again.
	inUse sync.RWMutex
	// endDiscovery ends the wait until the API server serves SpokeChecks; nil if nothing waits for that.
	endDiscovery context.CancelFunc
}

// watchedChecks is a watch, and when it began.
type watchedChecks struct {
	informer ctrlcache.Informer
	since    time.Time
}

func newSpokeChecks(options Options) *spokeChecks {
	return &spokeChecks{
		cache:   options.Cache,
		serves:  options.ServesSpokeChecks,
		clock:   options.Clock,
		changed: make(chan event.TypedGenericEvent[types.NamespacedName]),
		done:    options.Done,
	}
}

// addSpokeCheck adds the SpokeCheck of a Cluster's profile to the facts. Nothing waits for the first list of SpokeChecks: until it is
// there, the profile keeps what was made of them.
func (c *Clusters) addSpokeCheck(ctx context.Context, inventory *profile.Inventory, facts *Facts) error {
	if !inventory.TrustsSpokeChecks() {
		return nil
	}
	watched, err := c.spokeChecks.watch(ctx)
	if err != nil || watched == nil {
		return err
	}
	check, read, err := c.spokeChecks.read(ctx, c.cached, inventory.Key(facts.Cluster))
	if err != nil {
		return err
	}
	if !read {
		facts.SpokeCheckUnknown = true
		again := syncingRequeue
		if waited := c.clock.Since(watched.since); waited > initialSyncTimeout {
			again = unlistedRequeue
			facts.Waiting[waitingForSpokeChecks] = profile.Unknown{
				Why:  "the first list of SpokeChecks has not arrived yet: it is large, or the publisher may not list it",
				Long: waited > slowSyncAfter,
			}
		}
		facts.RequeueAfter = requeue.Min(facts.RequeueAfter, again)
		return nil
	}
	facts.SpokeCheck = check
	facts.RequeueAfter = requeue.Min(facts.RequeueAfter, profile.SpokeCheckChangesAfter(facts.Facts))
	return nil
}

// HasSpokeCheck reports whether a profile has a SpokeCheck, while an Inventory trusts SpokeChecks. It waits for nothing.
func (c *Clusters) HasSpokeCheck(ctx context.Context, key types.NamespacedName) bool {
	check, _, err := c.spokeChecks.read(ctx, c.cached, key)
	return err == nil && check != nil
}

// read returns the SpokeCheck of a profile, nil for none; or false if the first list of them has not arrived yet, or their watch has been
// ended meanwhile: to read then would start it again. It waits for nothing.
func (s *spokeChecks) read(ctx context.Context, cached client.Reader, key types.NamespacedName) (*v1alpha1.SpokeCheck, bool, error) {
	s.inUse.RLock()
	defer s.inUse.RUnlock()
	if s.watched == nil || !s.watched.informer.HasSynced() {
		return nil, false, nil
	}
	check := &v1alpha1.SpokeCheck{}
	if err := cached.Get(ctx, key, check); apierrors.IsNotFound(err) {
		return nil, true, nil
	} else if err != nil {
		return nil, false, fmt.Errorf("reading the SpokeCheck of ClusterProfile %s: %w", key, err)
	}
	return check, true, nil
}

// watch starts watching SpokeChecks unless they are watched already, and does not wait for the first list. It returns nil while the API
// server does not serve them, and then looks again by itself: the reconcile that has asked may fail, and its Cluster may go.
func (s *spokeChecks) watch(ctx context.Context) (*watchedChecks, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watched != nil || s.endDiscovery != nil {
		return s.watched, nil
	}
	served, err := s.serves()
	if err != nil {
		return nil, err
	}
	if !served {
		// It outlives the reconcile that has asked.
		waiting, end := context.WithCancel(context.WithoutCancel(ctx))
		s.endDiscovery = end
		go s.discover(waiting)
		return nil, nil
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s.watched, nil
}

// start starts the watch. The events of the first list requeue the Clusters that have a SpokeCheck. The caller must hold mu.
func (s *spokeChecks) start(ctx context.Context) error {
	informer, err := s.cache.GetInformer(ctx, &v1alpha1.SpokeCheck{}, ctrlcache.BlockUntilSynced(false))
	if err == nil {
		_, err = informer.AddEventHandler(s.handler())
	}
	if err != nil {
		return fmt.Errorf("watching SpokeChecks: %w", err)
	}
	s.inUse.Lock()
	defer s.inUse.Unlock()
	s.watched = &watchedChecks{informer: informer, since: s.clock.Now()}
	logf.FromContext(ctx).Info("Watching SpokeChecks, which an Inventory trusts")
	return nil
}

// discover starts the watch as soon as the API server serves SpokeChecks, unless nobody trusts them any more.
func (s *spokeChecks) discover(ctx context.Context) {
	for {
		select {
		case <-s.clock.After(discoveryInterval):
		case <-ctx.Done():
			return
		case <-s.done:
			return
		}
		if s.discovered(ctx) {
			return
		}
	}
}

// discovered starts the watch if the API server serves SpokeChecks, and reports whether there is nothing left to wait for.
func (s *spokeChecks) discovered(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return true
	}
	served, err := s.serves()
	if err == nil && served {
		err = s.start(ctx)
	}
	if err != nil {
		logf.FromContext(ctx).Error(err, "Cannot look for SpokeChecks, and will look again", "after", discoveryInterval)
	}
	if s.watched == nil {
		return false
	}
	s.endDiscovery()
	s.endDiscovery = nil
	return true
}

// stop ends the watch, or the wait for it.
func (s *spokeChecks) stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endDiscovery != nil {
		s.endDiscovery()
		s.endDiscovery = nil
	}
	if s.watched == nil {
		return nil
	}
	s.inUse.Lock()
	defer s.inUse.Unlock()
	s.watched = nil
	if err := s.cache.RemoveInformer(ctx, &v1alpha1.SpokeCheck{}); err != nil {
		return fmt.Errorf("ending the watch of SpokeChecks: %w", err)
	}
	logf.FromContext(ctx).Info("No Inventory trusts SpokeChecks any more")
	return nil
}
