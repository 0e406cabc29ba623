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

// use is an object that a profile is made of.
type use struct {
	variable string
	from     *references
	ref      clusterv1.ContractVersionedObjectReference
}

// uses returns the objects that an Inventory's profile of a Cluster is made of: those that its expressions read, and the control plane where
// only that has the version.
func (c *Clusters) uses(inventory *profile.Inventory, cluster *clusterv1.Cluster) (uses []use) {
	switch {
	case inventory.Uses(cel.ControlPlane):
		uses = append(uses, use{cel.ControlPlane, c.whole, cluster.Spec.ControlPlaneRef})
	case profile.NeedsControlPlaneVersion(cluster):
		uses = append(uses, use{cel.ControlPlane, c.versions, cluster.Spec.ControlPlaneRef})
	}
	if inventory.Uses(cel.Infrastructure) {
		uses = append(uses, use{cel.Infrastructure, c.whole, cluster.Spec.InfrastructureRef})
	}
	return uses
}

// addReferenced adds the objects that the Cluster refers to, as far as the Inventory uses them; false if they will be known in a moment.
func (c *Clusters) addReferenced(ctx context.Context, inventory *profile.Inventory, facts *Facts) (bool, error) {
	into := map[string]*map[string]any{cel.ControlPlane: &facts.ControlPlane, cel.Infrastructure: &facts.Infrastructure}
	for _, used := range c.uses(inventory, facts.Cluster) {
		found, err := used.from.get(ctx, facts.Cluster, used.ref)
		if err != nil {
			return false, err
		}
		if found.syncing {
			return false, nil
		}
		*into[used.variable] = found.object
		if found.unknown.Why != "" {
			facts.Waiting[used.variable] = found.unknown
			facts.RequeueAfter = unlistedRequeue
		}
	}
	return true, nil
}

// KeepReferences ends the use of the objects that the profiles of a Cluster, one for each of the Inventories, are not made of any more:
// their changes do not reconcile it.
func (c *Clusters) KeepReferences(ctx context.Context, cluster *clusterv1.Cluster, inventories []*profile.Inventory) error {
	refs := map[*references][]clusterv1.ContractVersionedObjectReference{}
	for _, inventory := range inventories {
		for _, used := range c.uses(inventory, cluster) {
			refs[used.from] = append(refs[used.from], used.ref)
		}
	}
	key := client.ObjectKeyFromObject(cluster)
	return errors.Join(c.whole.set(ctx, key, refs[c.whole]), c.versions.set(ctx, key, refs[c.versions]))
}

// Forget drops everything that is held for a Cluster.
func (c *Clusters) Forget(ctx context.Context, cluster types.NamespacedName) error {
	c.kubeconfigs.known.forget(cluster)
	return errors.Join(c.whole.set(ctx, cluster, nil), c.versions.set(ctx, cluster, nil))
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
