// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Facts are the objects of a hub.
type Facts struct {
	// Namespaces are the metadata of all namespaces, by name.
	Namespaces map[string]*metav1.PartialObjectMetadata
	// Clusters are all Clusters, without managed fields.
	Clusters []clusterv1.Cluster
	// Profiles are all profiles, with their managed fields.
	Profiles []inventoryv1alpha1.ClusterProfile
	// Checks are the SpokeChecks; nil if no Inventory trusts them, or if they may not be read.
	Checks map[types.NamespacedName]*v1alpha1.SpokeCheck
	// Objects are those that Clusters refer to, as far as an expression reads them.
	Objects map[Reference]map[string]any
	// Hidden are the kinds of such objects that may not be read, and why.
	Hidden map[schema.GroupKind]string
	// Unread lists what the user may not read, and what is not known because of that.
	Unread []string
	Now    time.Time
}

// Reference is an object that a Cluster refers to.
type Reference struct {
	schema.GroupKind
	types.NamespacedName
}

// differ compares what is wanted before and after an edit.
type differ struct {
	Facts
	edit *Edit
	// uses are the variables that an expression reads: the objects are known then.
	uses map[string]bool
	// live are the profiles of the hub, and published those of a Cluster that the publisher may delete.
	live      map[types.NamespacedName]*profile.Live
	published map[types.NamespacedName][]*profile.Live
	// managers are the names of the cluster managers, by publisher class.
	managers map[string]string
	// others are profiles that a publisher has applied under another name: it leaves them as they are.
	others      []*profile.Live
	inventories map[string]*Inventory
	changes     []ProfileChange
}

// Diff reports what an edit would do to a hub.
func (e *Edit) Diff(f Facts) (Report, error) {
	d := &differ{
		Facts:       f,
		edit:        e,
		uses:        map[string]bool{cel.ControlPlane: e.Uses(cel.ControlPlane), cel.Infrastructure: e.Uses(cel.Infrastructure)},
		live:        map[types.NamespacedName]*profile.Live{},
		published:   map[types.NamespacedName][]*profile.Live{},
		managers:    profile.ManagerNames(f.Profiles, e.classOf),
		inventories: map[string]*Inventory{},
		changes:     []ProfileChange{},
	}
	for name := range e.kinds {
		d.inventory(name)
	}
	if err := d.index(); err != nil {
		return Report{}, err
	}
	for _, class := range e.sorted() {
		for i := range f.Clusters {
			if err := d.cluster(class, &f.Clusters[i]); err != nil {
				return Report{}, err
			}
		}
	}
	return d.report(), nil
}

// index indexes the profiles.
func (d *differ) index() error {
	for i := range d.Profiles {
		p := &d.Profiles[i]
		live, err := profile.Read(p)
		if err != nil {
			return fmt.Errorf("reading ClusterProfile %s/%s: %w", p.Namespace, p.Name, err)
		}
		d.live[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = live
		cluster, inventory, owned := live.Provenance()
		class, known := d.edit.classOf[inventory]
		switch {
		case !owned || !known:
		case p.Spec.ClusterManager.Name == d.managers[class]:
			d.published[cluster] = append(d.published[cluster], live)
		default:
			d.others = append(d.others, live)
		}
	}
	return nil
}

// pass is the comparison for one Cluster and one publisher class.
type pass struct {
	*differ
	class     *class
	cluster   *clusterv1.Cluster
	namespace labels.Set
	// published are the profiles of the Cluster that Inventories of the class have published.
	published     []*profile.Live
	before, after profile.Claims
	// reported are the profiles that are reported already, with one that they replace.
	reported map[types.NamespacedName]bool
	// wanted are the contents of the profiles of claims, as far as they are evaluated.
	wanted map[profile.Claim]contents
	// held are the Inventories of which a profile stays because it cannot be replaced.
	held map[string]bool
}

// cluster compares what is wanted of a Cluster.
func (d *differ) cluster(class *class, cluster *clusterv1.Cluster) error {
	p := &pass{
		differ: d, class: class, cluster: cluster,
		reported: map[types.NamespacedName]bool{}, wanted: map[profile.Claim]contents{}, held: map[string]bool{},
	}
	if namespace := d.Namespaces[cluster.Namespace]; namespace != nil {
		p.namespace = namespace.Labels
	}
	for _, live := range d.published[p.key()] {
		_, inventory, _ := live.Provenance()
		if class, known := d.edit.classOf[inventory]; known && class == p.class.name {
			p.published = append(p.published, live)
		}
	}
	var err error
	if p.before, err = p.decide(class.before); err != nil {
		return err
	}
	if p.after, err = p.decide(class.after); err != nil {
		return err
	}
	p.countSelected()
	for _, live := range p.published {
		p.compareFate(live)
	}
	for _, claim := range p.after.Granted {
		p.compareClaim(claim)
	}
	p.compareRefused()
	return nil
}

func (p *pass) key() types.NamespacedName {
	return types.NamespacedName{Namespace: p.cluster.Namespace, Name: p.cluster.Name}
}

// decide lets the core decide which Inventories publish the Cluster.
func (p *pass) decide(s side) (profile.Claims, error) {
	published := make([]*inventoryv1alpha1.ClusterProfile, len(p.published))
	for i, live := range p.published {
		published[i] = live.ClusterProfile
	}
	return s.Claims(published, p.cluster, p.namespace)
}

// countSelected counts the Cluster for the edited Inventories that select it.
func (p *pass) countSelected() {
	for name := range p.edit.kinds {
		if slices.Contains(p.before.Selecting, name) {
			p.inventory(name).Before++
		}
		if slices.Contains(p.after.Selecting, name) {
			p.inventory(name).After++
		}
	}
}

// add reports a change.
func (p *pass) add(change ProfileChange) {
	change.Cluster = p.key().String()
	p.changes = append(p.changes, change)
}
