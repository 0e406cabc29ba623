// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// How long a Secret that is not in the cache is taken to be as it was when it was last read.
const (
	firstReread = 5 * time.Second
	lastReread  = 5 * time.Minute
)

// secrets reads the endpoints of kubeconfig Secrets: from the cache where the informer keeps them, else live and by name.
//
// A Secret is not in the cache when it lacks Cluster API's label, as one that a user has supplied may, or when its name does
// not end as a kubeconfig's. No event tells of its changes, so it is read again after a while that grows as long as it stays
// the same.
type secrets struct {
	cached client.Reader
	live   client.Reader
	clock  clock.PassiveClock

	mu   sync.Mutex
	read map[types.NamespacedName]*liveRead
}

// liveRead is what a live read saw, and how long that is believed.
type liveRead struct {
	data    map[string]profile.Kubeconfig
	refusal *endpoint.RejectedError
	version string
	believe time.Duration
	until   time.Time
}

// kubeconfigs reads the keys that an Inventory asks for. again is when a Secret without events should be looked at again;
// zero where all come from the cache.
func (s *secrets) kubeconfigs(ctx context.Context, namespace string, keys []profile.SecretKey) (found map[profile.SecretKey]profile.Kubeconfig, again time.Duration, err error) {
	found = make(map[profile.SecretKey]profile.Kubeconfig, len(keys))
	for _, key := range keys {
		name := types.NamespacedName{Namespace: namespace, Name: key.Name}
		kubeconfig, cached, err := s.fromCache(ctx, name, key.Key)
		if err != nil {
			return nil, 0, err
		}
		if !cached {
			var wait time.Duration
			if kubeconfig, wait, err = s.fromServer(ctx, name, key.Key); err != nil {
				return nil, 0, err
			}
			if again == 0 || wait < again {
				again = wait
			}
		}
		found[key] = kubeconfig
	}
	return found, again, nil
}

func (s *secrets) fromCache(ctx context.Context, name types.NamespacedName, key string) (profile.Kubeconfig, bool, error) {
	if !strings.HasSuffix(name.Name, kubeconfigSuffix) {
		return profile.Kubeconfig{}, false, nil
	}
	var secret corev1.Secret
	if err := s.cached.Get(ctx, name, &secret); apierrors.IsNotFound(err) {
		return profile.Kubeconfig{}, false, nil
	} else if err != nil {
		return profile.Kubeconfig{}, false, fmt.Errorf("reading Secret %s from the cache: %w", name, err)
	}
	// Once the cache has it, what was read before is out of date, should the cache lose it again.
	s.drop(name)
	raw, ok := secret.Data[key]
	if !ok {
		return keyNotFound(key), true, nil
	}
	var found profile.Kubeconfig
	if err := json.Unmarshal(raw, &found); err != nil {
		return profile.Kubeconfig{}, false, fmt.Errorf("reading the endpoint of Secret %s from the cache: %w", name, err)
	}
	found.Endpoint.CertificateAuthorityData = secret.Data[key+authoritySuffix]
	return found, true, nil
}

// fromServer reads a Secret live, but not more often than it is worth, and says after how long it should be read again. An
// error says that the API server does not answer at the moment, and that nothing is known from before.
func (s *secrets) fromServer(ctx context.Context, name types.NamespacedName, key string) (profile.Kubeconfig, time.Duration, error) {
	s.mu.Lock()
	last := s.read[name]
	s.mu.Unlock()
	now := s.clock.Now()
	if last == nil || !now.Before(last.until) {
		next, err := s.reread(ctx, name, last, now)
		if err != nil {
			return profile.Kubeconfig{}, 0, err
		}
		last = next
	}
	wait := last.until.Sub(now)
	if last.refusal != nil {
		return profile.Kubeconfig{Refusal: last.refusal}, wait, nil //nolint:nilerr // a refusal is what was found
	}
	if found, ok := last.data[key]; ok {
		return found, wait, nil
	}
	return keyNotFound(key), wait, nil
}

func (s *secrets) reread(ctx context.Context, name types.NamespacedName, last *liveRead, now time.Time) (*liveRead, error) {
	next := &liveRead{believe: firstReread}
	var secret corev1.Secret
	err := s.live.Get(ctx, name, &secret)
	switch {
	case apierrors.IsNotFound(err):
		next.refusal = &endpoint.RejectedError{Reason: profile.SecretNotFound, Message: "there is no such Secret"}
	case apierrors.IsForbidden(err):
		next.refusal = &endpoint.RejectedError{Reason: profile.SecretNotRead, Message: "the publisher is not allowed to read it"}
	case err != nil && last == nil:
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	case err != nil:
		// An API server that does not answer says nothing about the Secret: it is taken to be as it was, for a moment.
		next.data, next.refusal, next.version = last.data, last.refusal, last.version
	default:
		next.version, next.data = secret.ResourceVersion, map[string]profile.Kubeconfig{}
		for key, value := range secret.Data {
			next.data[key] = read(value)
		}
	}
	answered := err == nil || apierrors.IsNotFound(err) || apierrors.IsForbidden(err)
	if answered && last != nil && last.version == next.version {
		next.believe = min(2*last.believe, lastReread)
	}
	next.until = now.Add(next.believe)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read[name] = next
	return next, nil
}

// drop forgets what was read of a Secret.
func (s *secrets) drop(name types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.read, name)
}

// forget drops what was read of a Cluster's Secrets.
func (s *secrets) forget(cluster types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.read {
		if name.Namespace == cluster.Namespace && strings.HasPrefix(name.Name, cluster.Name) {
			delete(s.read, name)
		}
	}
}

func keyNotFound(key string) profile.Kubeconfig {
	return profile.Kubeconfig{Refusal: &endpoint.RejectedError{Reason: profile.KeyNotFound, Message: fmt.Sprintf("has no key %q", key)}}
}
