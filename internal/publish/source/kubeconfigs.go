// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
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
	known     *knownSecrets
}

// liveEntry is what was read from the API server, and how long it is used.
type liveEntry struct {
	// cluster is the Cluster that it was read for.
	cluster types.UID
	data    map[string]profile.Kubeconfig
	// rejected is why there is no data.
	rejected *endpoint.RejectedError
	version  string
	ttl      time.Duration
	expires  time.Time
}

func newKubeconfigReader(cached, apiReader client.Reader, clk clock.PassiveClock) *kubeconfigReader {
	return &kubeconfigReader{
		cached:    cached,
		apiReader: apiReader,
		clock:     clk,
		known:     newKnownSecrets(),
	}
}

// get reads the keys that an Inventory uses of a Cluster's Secrets. requeueAfter is when to read a Secret without events again; zero if
// all are in the cache.
func (r *kubeconfigReader) get(
	ctx context.Context, cluster *clusterv1.Cluster, keys []profile.SecretKey,
) (found map[profile.SecretKey]profile.Kubeconfig, requeueAfter time.Duration, err error) {
	found = make(map[profile.SecretKey]profile.Kubeconfig, len(keys))
	for _, key := range keys {
		kubeconfig, cached, err := r.fromCache(ctx, cluster, key)
		if err != nil {
			return nil, 0, err
		}
		if !cached {
			var refresh time.Duration
			if kubeconfig, refresh, err = r.fromAPIServer(ctx, cluster, key); err != nil {
				return nil, 0, err
			}
			requeueAfter = requeue.Min(requeueAfter, refresh)
		}
		found[key] = kubeconfig
	}
	return found, requeueAfter, nil
}

// fromCache returns what the cache has of a key; false if it has no such Secret, or an old one.
func (r *kubeconfigReader) fromCache(
	ctx context.Context, cluster *clusterv1.Cluster, key profile.SecretKey,
) (profile.Kubeconfig, bool, error) {
	name := types.NamespacedName{Namespace: cluster.Namespace, Name: key.Name}
	if !strings.HasSuffix(name.Name, cache.KubeconfigSuffix) {
		return profile.Kubeconfig{}, false, nil
	}
	var secret corev1.Secret
	if err := r.cached.Get(ctx, name, &secret); apierrors.IsNotFound(err) {
		return profile.Kubeconfig{}, false, nil
	} else if err != nil {
		return profile.Kubeconfig{}, false, fmt.Errorf("reading Secret %s from the cache: %w", name, err)
	}
	if current, err := r.isCurrent(ctx, cluster, &secret); err != nil || !current {
		return profile.Kubeconfig{}, false, err
	}
	// Once the cache has it, what was read before is out of date, should the cache lose it again.
	r.known.setLive(client.ObjectKeyFromObject(cluster), name.Name, nil)
	kubeconfig, found, err := cache.Kubeconfig(&secret, key.Key)
	if err != nil {
		return profile.Kubeconfig{}, false, err
	}
	if !found {
		return keyNotFound(key.Key), true, nil
	}
	return kubeconfig, true, nil
}

// fromAPIServer returns what a Secret held when it was last read, reads it again if that has expired, and returns when it will
// expire. It returns an error if the API server does not answer and nothing is known from before.
func (r *kubeconfigReader) fromAPIServer(
	ctx context.Context, cluster *clusterv1.Cluster, key profile.SecretKey,
) (profile.Kubeconfig, time.Duration, error) {
	name := types.NamespacedName{Namespace: cluster.Namespace, Name: key.Name}
	entry := r.known.get(client.ObjectKeyFromObject(cluster), name.Name).live
	if entry != nil && entry.cluster != cluster.UID {
		entry = nil
	}
	now := r.clock.Now()
	if entry == nil || !now.Before(entry.expires) {
		refreshed, err := r.refresh(ctx, cluster, name, entry)
		if err != nil {
			return profile.Kubeconfig{}, 0, err
		}
		entry = refreshed
	}
	left := entry.expires.Sub(now)
	if entry.rejected != nil {
		return profile.Kubeconfig{Rejected: entry.rejected}, left, nil //nolint:nilerr // the rejection is what was found
	}
	if kubeconfig, ok := entry.data[key.Key]; ok {
		return kubeconfig, left, nil
	}
	return keyNotFound(key.Key), left, nil
}

func (r *kubeconfigReader) refresh(
	ctx context.Context, cluster *clusterv1.Cluster, name types.NamespacedName, last *liveEntry,
) (*liveEntry, error) {
	now := r.clock.Now()
	next := &liveEntry{cluster: cluster.UID, ttl: minRefresh}
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
	case isOfAnother(&secret, cluster):
		next.version = secret.ResourceVersion
		next.rejected = &endpoint.RejectedError{
			Reason: profile.SecretNotFound, Message: "the Secret of that name belongs to an earlier Cluster and is being deleted",
		}
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
	r.known.setLive(client.ObjectKeyFromObject(cluster), name.Name, next)
	return next, nil
}

func keyNotFound(key string) profile.Kubeconfig {
	return profile.Kubeconfig{Rejected: &endpoint.RejectedError{Reason: profile.KeyNotFound, Message: fmt.Sprintf("has no key %q", key)}}
}
