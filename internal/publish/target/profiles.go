// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/keymutex"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/consistency"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// lockCount is how many locks the profiles share, of 8 bytes each: a profile seldom waits for the slow write of another one. Of 10 that are
// written at a time, two have one lock in 1 % of all cases.
const lockCount = 4096

// Options are what Profiles need.
type Options struct {
	// Client writes to the API server, and reads from the cache.
	Client client.Client
	// APIReader reads from the API server.
	APIReader client.Reader
	Clock     clock.PassiveClock
	Metrics   prometheus.Registerer
}

// Profiles writes the ClusterProfiles of a hub.
type Profiles struct {
	client    client.Client
	apiReader client.Reader
	// kind is ClusterProfile in the version in use.
	kind    schema.GroupVersionKind
	clock   clock.PassiveClock
	writes  *consistency.Store
	budgets *budgets
	grants  *budgets // of AccessGrants, by their names
	metrics *metrics
	locks   keymutex.KeyMutex
}

// New returns Profiles, and registers their metrics.
func New(options Options) (*Profiles, error) {
	kind, err := options.Client.GroupVersionKindFor(&inventoryv1alpha1.ClusterProfile{})
	if err != nil {
		return nil, fmt.Errorf("finding the version of ClusterProfile: %w", err)
	}
	metrics, err := newMetrics(options.Metrics)
	if err != nil {
		return nil, err
	}
	return &Profiles{
		client:    options.Client,
		apiReader: options.APIReader,
		kind:      kind,
		clock:     options.Clock,
		writes:    consistency.NewStore(options.Clock),
		budgets:   newBudgets(options.Clock),
		grants:    newBudgets(options.Clock),
		metrics:   metrics,
		locks:     keymutex.NewHashed(lockCount),
	}, nil
}

// Get returns a profile as the cache shows it, which may be before the last write; nil if there is none.
func (p *Profiles) Get(ctx context.Context, key types.NamespacedName) (*profile.Live, error) {
	return get(ctx, p.client, key)
}

func get(ctx context.Context, from client.Reader, key types.NamespacedName) (*profile.Live, error) {
	live := &inventoryv1alpha1.ClusterProfile{}
	if err := from.Get(ctx, key, live); apierror.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading ClusterProfile %s: %w", key, err)
	}
	return profile.Read(live)
}

// IsOwnWrite reports whether an event shows nothing but a write of this process.
func (p *Profiles) IsOwnWrite(object client.Object) bool {
	return p.writes.IsOwnWrite(client.ObjectKeyFromObject(object), object.GetResourceVersion())
}

// Deleted notes the event of a deletion: no write of the profile is waited for any more.
func (p *Profiles) Deleted(object client.Object) {
	p.writes.Deleted(client.ObjectKeyFromObject(object), object.GetResourceVersion())
}

// Locked is one profile on which no other goroutine of this process decides until it is unlocked.
type Locked struct {
	profiles *Profiles
	key      types.NamespacedName
}

// Lock waits for the lock of a profile, which need not exist.
func (p *Profiles) Lock(key types.NamespacedName) Locked {
	p.locks.LockKey(key.String())
	return Locked{profiles: p, key: key}
}

// Unlock must be called once.
func (l Locked) Unlock() {
	if err := l.profiles.locks.UnlockKey(l.key.String()); err != nil {
		panic(fmt.Sprintf("target: unlocking a profile that is not locked: %v", err))
	}
}

// Read returns the profile, not older than the last write; nil if there is none. Where the cache is older, timeout is how long to
// wait for it; beyond that time the profile is read from the API server. onStale is called before the cache is read a second
// time: a caller that subscribes to the profile's events then misses none.
func (l Locked) Read(ctx context.Context, onStale func()) (live *profile.Live, timeout time.Duration, err error) {
	if live, err = l.profiles.Get(ctx, l.key); err != nil {
		return nil, 0, err
	}
	if _, ready := l.ensureReady(live); ready {
		return live, 0, nil
	}
	onStale()
	if live, err = l.profiles.Get(ctx, l.key); err != nil {
		return nil, 0, err
	}
	timeout, ready := l.ensureReady(live)
	if ready || timeout > 0 {
		return live, timeout, nil
	}
	live, err = get(ctx, l.profiles.apiReader, l.key)
	return live, 0, err
}

func (l Locked) ensureReady(cached *profile.Live) (timeout time.Duration, ready bool) {
	if cached == nil {
		return l.profiles.writes.EnsureReady(l.key, "")
	}
	return l.profiles.writes.EnsureReady(l.key, cached.ResourceVersion)
}
