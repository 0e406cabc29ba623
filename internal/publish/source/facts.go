// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

const (
	// syncingRequeue is how soon to reconcile again while the first list of a kind is awaited.
	syncingRequeue = time.Second
	// unlistedRequeue is how soon to look again for objects of which there is no list: no event reports one that does not exist.
	unlistedRequeue = 10 * time.Second
)

// Options are what Clusters need.
type Options struct {
	// Manager is the name of this cluster manager, as in spec.clusterManager.name.
	Manager string
	// Client reads from the cache, APIReader from the API server.
	Client, APIReader client.Reader
	// Cache holds objects whole, as far as expressions may read them; VersionCache only what cache.VersionOptions keeps of them.
	Cache, VersionCache ctrlcache.Cache
	Mapper              meta.RESTMapper
	Clock               clock.Clock
	Liveness            *Liveness
	// ServesSpokeChecks reports whether the API server serves SpokeChecks, which are optional.
	ServesSpokeChecks func() (bool, error)
	// Done is closed when the process ends.
	Done <-chan struct{}
}

// Clusters reads the facts about Clusters.
type Clusters struct {
	manager     string
	clock       clock.PassiveClock
	cached      client.Reader
	kubeconfigs *kubeconfigReader
	// whole are the objects that expressions read, versions the control planes of which only the version of Kubernetes is.
	whole, versions *references
	changed         chan event.TypedGenericEvent[types.NamespacedName]
	spokeChecks     *spokeChecks
	liveness        *Liveness
}

// NewClusters returns Clusters.
func NewClusters(options Options) *Clusters {
	changed := make(chan event.TypedGenericEvent[types.NamespacedName])
	return &Clusters{
		manager:     options.Manager,
		clock:       options.Clock,
		cached:      options.Client,
		kubeconfigs: newKubeconfigReader(options.Client, options.APIReader, options.Clock),
		whole:       newReferences(options.Cache, options.Mapper, options.Clock, changed, options.Done),
		versions:    newReferences(options.VersionCache, options.Mapper, options.Clock, changed, options.Done),
		changed:     changed,
		spokeChecks: newSpokeChecks(options),
		liveness:    options.Liveness,
	}
}

// Facts are those about a Cluster for one Inventory.
type Facts struct {
	profile.Facts
	// Ready reports whether the facts are complete; otherwise nothing can be decided yet.
	Ready bool
	// RequeueAfter is when to read again what no event reports; zero if there is nothing of the kind.
	RequeueAfter time.Duration
}

// Facts gathers what an Inventory needs to know about a Cluster. published is the profile as it is now; nil if there is none.
func (c *Clusters) Facts(
	ctx context.Context, cluster *clusterv1.Cluster, inventory *profile.Inventory, published *profile.Live,
) (facts Facts, err error) {
	facts = Facts{Facts: profile.Facts{
		Manager:        c.manager,
		Cluster:        cluster,
		Published:      published,
		Now:            c.clock.Now(),
		Waiting:        map[string]profile.Unknown{},
		ClusterAPIDown: c.liveness.Down(published),
	}}
	if known, err := c.addReferenced(ctx, inventory, &facts); err != nil || !known {
		return Facts{RequeueAfter: syncingRequeue}, err
	}
	if facts.Grants, err = c.grants(ctx, inventory.Key(cluster)); err != nil {
		return Facts{}, err
	}
	facts.RequeueAfter = requeue.Min(facts.RequeueAfter, profile.GrantsChangeAfter(facts.Grants, facts.Now))
	if err := c.addSpokeCheck(ctx, inventory, &facts); err != nil {
		return Facts{}, err
	}
	kubeconfigs, requeueAfter, err := c.kubeconfigs.get(ctx, cluster, inventory.Secrets(cluster))
	if err != nil {
		return Facts{}, err
	}
	facts.Kubeconfigs = kubeconfigs
	facts.RequeueAfter = requeue.Min(facts.RequeueAfter, requeueAfter)
	facts.Ready = true
	return facts, nil
}

// addReferenced adds the objects that the Cluster refers to, as far as the Inventory uses them; false if they will be known in a moment.
func (c *Clusters) addReferenced(ctx context.Context, inventory *profile.Inventory, facts *Facts) (bool, error) {
	cluster := facts.Cluster
	controlPlane := c.whole
	if !inventory.Uses(cel.ControlPlane) {
		controlPlane = c.versions
	}
	for _, object := range []struct {
		variable string
		used     bool
		from     *references
		ref      clusterv1.ContractVersionedObjectReference
		into     *map[string]any
	}{
		{
			cel.ControlPlane, inventory.Uses(cel.ControlPlane) || profile.NeedsControlPlaneVersion(cluster),
			controlPlane, cluster.Spec.ControlPlaneRef, &facts.ControlPlane,
		},
		{cel.Infrastructure, inventory.Uses(cel.Infrastructure), c.whole, cluster.Spec.InfrastructureRef, &facts.Infrastructure},
	} {
		if !object.used {
			continue
		}
		found, err := object.from.get(ctx, cluster, object.ref)
		if err != nil {
			return false, err
		}
		if found.syncing {
			return false, nil
		}
		*object.into = found.object
		if found.unknown.Why != "" {
			facts.Waiting[object.variable] = found.unknown
			facts.RequeueAfter = unlistedRequeue
		}
	}
	return true, nil
}

// References are the objects that the profiles of a Cluster are made of: those that expressions read, and those of which only the version
// of Kubernetes is read.
type References struct {
	Whole, Versions []clusterv1.ContractVersionedObjectReference
}

// SetReferences replaces the objects that the profiles of a Cluster are made of: changes of other objects do not reconcile it.
func (c *Clusters) SetReferences(ctx context.Context, cluster types.NamespacedName, refs References) error {
	return errors.Join(c.whole.set(ctx, cluster, refs.Whole), c.versions.set(ctx, cluster, refs.Versions))
}

// Forget drops everything that is held for a Cluster.
func (c *Clusters) Forget(ctx context.Context, cluster types.NamespacedName) error {
	c.kubeconfigs.known.forget(cluster)
	return c.SetReferences(ctx, cluster, References{})
}

// Listed reports whether the first list of every kind that Clusters refer to has arrived.
func (c *Clusters) Listed() bool { return c.whole.listed() && c.versions.listed() }

// ReferenceChanged receives the name of a Cluster that refers to an object that has changed.
func (c *Clusters) ReferenceChanged() <-chan event.TypedGenericEvent[types.NamespacedName] {
	return c.changed
}

// KeepSpokeChecks ends the watch of SpokeChecks if none of the Inventories trusts them.
func (c *Clusters) KeepSpokeChecks(ctx context.Context, inventories []*profile.Inventory) error {
	if slices.ContainsFunc(inventories, (*profile.Inventory).TrustsSpokeChecks) {
		return nil
	}
	return c.spokeChecks.stop(ctx)
}

// SpokeCheckChanged receives the name of a profile whose SpokeCheck says something else.
func (c *Clusters) SpokeCheckChanged() <-chan event.TypedGenericEvent[types.NamespacedName] {
	return c.spokeChecks.changed
}

// HealthChanged receives an event if the health of every Cluster may have changed.
func (c *Clusters) HealthChanged() <-chan event.TypedGenericEvent[struct{}] {
	return c.liveness.changed
}
