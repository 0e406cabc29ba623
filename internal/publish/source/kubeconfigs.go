// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/requeue"
)

// How long what was read of a Secret that is not in the cache is used before the Secret is read again.
const (
	minRefresh = 5 * time.Second
	maxRefresh = 5 * time.Minute
)

// kubeconfigReader reads the endpoints of kubeconfig Secrets: from the cache if the informer keeps them, otherwise from the API server
// by name.
//
// A Secret is not in the cache when it lacks Cluster API's label, as one that a user has supplied may, or when its name does
// not end with -kubeconfig. No event reports its changes, so it is read again after a time that grows while it stays the same.
type kubeconfigReader struct {
	cached    client.Reader
	apiReader client.Reader
	clock     clock.PassiveClock

	mu      sync.Mutex
	entries map[types.NamespacedName]*liveEntry
}

// liveEntry is what was read from the API server, and how long it is used.
type liveEntry struct {
	data map[string]profile.Kubeconfig
	// rejected is why there is no data.
	rejected *endpoint.RejectedError
	version  string
	ttl      time.Duration
	expires  time.Time
}

func newKubeconfigReader(cached, apiReader client.Reader, clk clock.PassiveClock) *kubeconfigReader {
	return &kubeconfigReader{cached: cached, apiReader: apiReader, clock: clk, entries: map[types.NamespacedName]*liveEntry{}}
}

// get reads the keys that an Inventory uses. requeueAfter is when to read a Secret without events again; zero if all are in the
// cache.
func (r *kubeconfigReader) get(
	ctx context.Context, namespace string, keys []profile.SecretKey,
) (found map[profile.SecretKey]profile.Kubeconfig, requeueAfter time.Duration, err error) {
	found = make(map[profile.SecretKey]profile.Kubeconfig, len(keys))
	for _, key := range keys {
		name := types.NamespacedName{Namespace: namespace, Name: key.Name}
		kubeconfig, cached, err := r.fromCache(ctx, name, key.Key)
		if err != nil {
			return nil, 0, err
		}
		if !cached {
			var refresh time.Duration
			if kubeconfig, refresh, err = r.fromAPIServer(ctx, name, key.Key); err != nil {
				return nil, 0, err
			}
			requeueAfter = requeue.Min(requeueAfter, refresh)
		}
		found[key] = kubeconfig
	}
	return found, requeueAfter, nil
}

func (r *kubeconfigReader) fromCache(ctx context.Context, name types.NamespacedName, key string) (profile.Kubeconfig, bool, error) {
	if !strings.HasSuffix(name.Name, cache.KubeconfigSuffix) {
		return profile.Kubeconfig{}, false, nil
	}
	var secret corev1.Secret
	if err := r.cached.Get(ctx, name, &secret); apierrors.IsNotFound(err) {
		return profile.Kubeconfig{}, false, nil
	} else if err != nil {
		return profile.Kubeconfig{}, false, fmt.Errorf("reading Secret %s from the cache: %w", name, err)
	}
	// Once the cache has it, what was read before is out of date, should the cache lose it again.
	r.drop(name)
	kubeconfig, found, err := cache.Kubeconfig(&secret, key)
	if err != nil {
		return profile.Kubeconfig{}, false, err
	}
	if !found {
		return keyNotFound(key), true, nil
	}
	return kubeconfig, true, nil
}

// fromAPIServer returns what a Secret held when it was last read, reads it again if that has expired, and returns when it will
// expire. It returns an error if the API server does not answer and nothing is known from before.
func (r *kubeconfigReader) fromAPIServer(
	ctx context.Context, name types.NamespacedName, key string,
) (profile.Kubeconfig, time.Duration, error) {
	r.mu.Lock()
	entry := r.entries[name]
	r.mu.Unlock()
	now := r.clock.Now()
	if entry == nil || !now.Before(entry.expires) {
		refreshed, err := r.refresh(ctx, name, entry)
		if err != nil {
			return profile.Kubeconfig{}, 0, err
		}
		entry = refreshed
	}
	left := entry.expires.Sub(now)
	if entry.rejected != nil {
		return profile.Kubeconfig{Rejected: entry.rejected}, left, nil //nolint:nilerr // the rejection is what was found
	}
	if kubeconfig, ok := entry.data[key]; ok {
		return kubeconfig, left, nil
	}
	return keyNotFound(key), left, nil
}

func (r *kubeconfigReader) refresh(ctx context.Context, name types.NamespacedName, last *liveEntry) (*liveEntry, error) {
	now := r.clock.Now()
	next := &liveEntry{ttl: minRefresh}
	var secret corev1.Secret
	err := r.apiReader.Get(ctx, name, &secret)
	switch {
	case apierrors.IsNotFound(err):
		next.rejected = &endpoint.RejectedError{Reason: profile.SecretNotFound, Message: "there is no such Secret"}
	case apierrors.IsForbidden(err):
		next.rejected = &endpoint.RejectedError{Reason: profile.SecretNotRead, Message: "the publisher is not allowed to read it"}
	case err != nil && last == nil:
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	case err != nil:
		// An API server that does not answer says nothing about the Secret: what was read before is used a little longer.
		next.data, next.rejected, next.version = last.data, last.rejected, last.version
	default:
		next.version, next.data = secret.ResourceVersion, map[string]profile.Kubeconfig{}
		for key, value := range secret.Data {
			next.data[key] = cache.Parse(value)
		}
	}
	answered := err == nil || apierrors.IsNotFound(err) || apierrors.IsForbidden(err)
	if answered && last != nil && last.version == next.version {
		next.ttl = min(2*last.ttl, maxRefresh)
	}
	next.expires = now.Add(next.ttl)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries[name] = next
	return next, nil
}

// drop forgets what was read of a Secret.
func (r *kubeconfigReader) drop(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.entries, name)
}

// forget drops what was read of a Cluster's Secrets.
func (r *kubeconfigReader) forget(cluster types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.entries {
		if name.Namespace == cluster.Namespace && strings.HasPrefix(name.Name, cluster.Name) {
			delete(r.entries, name)
		}
	}
}

func keyNotFound(key string) profile.Kubeconfig {
	return profile.Kubeconfig{Rejected: &endpoint.RejectedError{Reason: profile.KeyNotFound, Message: fmt.Sprintf("has no key %q", key)}}
}
