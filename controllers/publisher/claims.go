// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/expression"
	"github.com/capi-inventory/capi-inventory/internal/profile"
)

// claim is an Inventory that publishes a Cluster, and the profile it publishes it as.
type claim struct {
	inventory *profile.Inventory
	profile   types.NamespacedName
}

// inventories reads what Inventories want, and compiles each generation of one once.
type inventories struct {
	cached   client.Reader
	compiler *expression.Compiler

	mu       sync.Mutex
	compiled map[types.UID]compiled
	latest   view
}

type compiled struct {
	generation int64
	deleted    bool
	inventory  *profile.Inventory
	err        error
}

// view is what all Inventories want at a time.
type view struct {
	// usable are the Inventories that can publish, the oldest first.
	usable []*profile.Inventory
	// faults say which fields of an Inventory cannot work, by its name: what such a one has published is left as it is.
	faults map[string]error
	// revision is another one whenever an Inventory has come, gone or changed.
	revision int
}

// view returns what the Inventories in the cache want.
func (i *inventories) view(ctx context.Context) (view, error) {
	var list v1alpha1.InventoryList
	if err := i.cached.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return view{}, fmt.Errorf("listing Inventories: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(list.Items) == len(i.compiled) && !slices.ContainsFunc(list.Items, i.changed) {
		return i.latest, nil
	}
	next, all := view{faults: map[string]error{}, revision: i.latest.revision + 1}, map[types.UID]compiled{}
	for n := range list.Items {
		source := &list.Items[n]
		of, known := i.compiled[source.UID]
		if !known || of.generation != source.Generation {
			of = compiled{generation: source.Generation}
			of.inventory, of.err = profile.Compile(i.compiler, source)
		}
		of.deleted = !source.DeletionTimestamp.IsZero()
		all[source.UID] = of
		switch {
		case of.deleted:
		case of.err != nil:
			next.faults[source.Name] = of.err
		default:
			next.usable = append(next.usable, of.inventory)
		}
	}
	slices.SortFunc(next.usable, func(a, b *profile.Inventory) int {
		if a.OlderThan(b) {
			return -1
		}
		return 1
	})
	i.compiled, i.latest = all, next
	return next, nil
}

// changed reports whether an Inventory is not the one that was compiled.
func (i *inventories) changed(source v1alpha1.Inventory) bool {
	of, known := i.compiled[source.UID]
	return !known || of.generation != source.Generation || of.deleted == source.DeletionTimestamp.IsZero()
}

// decision is where a Cluster is published.
type decision struct {
	claims []claim
	// selecting are the names of the Inventories that select the Cluster, whether or not they can publish it.
	selecting []string
	// problems are those that the Inventories have with the Cluster, by their names.
	problems map[string][]profile.Problem
	// view is what the Inventories wanted.
	view view
}

// references are the objects that the Cluster refers to and its profiles are made of.
func (d decision) references(cluster *clusterv1.Cluster) []clusterv1.ContractVersionedObjectReference {
	var refs []clusterv1.ContractVersionedObjectReference
	for _, claim := range d.claims {
		if claim.inventory.UsesControlPlane(cluster) {
			refs = append(refs, cluster.Spec.ControlPlaneRef)
		}
		if claim.inventory.Uses(expression.Infrastructure) {
			refs = append(refs, cluster.Spec.InfrastructureRef)
		}
	}
	return refs
}

// decide finds the Inventories that publish a Cluster: at most one for each namespace, the oldest.
func (r *Reconciler) decide(ctx context.Context, cluster *clusterv1.Cluster) (decision, error) {
	view, err := r.inventories.view(ctx)
	if err != nil {
		return decision{}, err
	}
	d := decision{problems: map[string][]profile.Problem{}, view: view}
	if r.options.WatchFilter != "" && cluster.Labels[clusterv1.WatchLabel] != r.options.WatchFilter {
		return d, nil
	}
	namespaceLabels, err := r.namespaceLabels(ctx, cluster.Namespace)
	if err != nil {
		return decision{}, err
	}
	holders := map[string]string{}
	for _, inventory := range view.usable {
		if !inventory.Selects(cluster, namespaceLabels) {
			continue
		}
		d.selecting = append(d.selecting, inventory.Name())
		key := inventory.Key(cluster)
		if holder, held := holders[key.Namespace]; held {
			d.problems[inventory.Name()] = []profile.Problem{{
				Reason:  v1alpha1.ProblemClaimedByOther,
				Message: fmt.Sprintf("the older Inventory %q publishes this Cluster into the namespace %q; a namespace holds one profile of a Cluster", holder, key.Namespace),
			}}
			continue
		}
		holders[key.Namespace] = inventory.Name()
		d.claims = append(d.claims, claim{inventory: inventory, profile: key})
	}
	return d, nil
}

func (r *Reconciler) namespaceLabels(ctx context.Context, name string) (labels.Set, error) {
	namespace, err := r.namespace(ctx, name)
	if err != nil {
		return nil, err
	}
	if namespace == nil {
		// A Cluster lives in it, so it exists: the informer is behind, and nobody is deselected on that ground.
		return nil, fmt.Errorf("the namespace %q is not in the cache yet", name)
	}
	return namespace.Labels, nil
}

// namespace returns the metadata of a namespace; nil where there is none.
func (r *Reconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := newNamespaceMetadata()
	if err := r.client.Get(ctx, types.NamespacedName{Name: name}, namespace); apierrors.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading the namespace %q: %w", name, err)
	}
	return namespace, nil
}
