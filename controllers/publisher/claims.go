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

// inventories compiles Inventories, each generation once.
type inventories struct {
	cached   client.Reader
	compiler *expression.Compiler

	mu       sync.Mutex
	compiled map[types.UID]compiled
}

type compiled struct {
	generation int64
	inventory  *profile.Inventory
	err        error
}

// compile makes an Inventory ready for use. Its error says which fields cannot work.
func (i *inventories) compile(source *v1alpha1.Inventory) (*profile.Inventory, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if known, ok := i.compiled[source.UID]; ok && known.generation == source.Generation {
		return known.inventory, known.err
	}
	inventory, err := profile.Compile(i.compiler, source)
	i.compiled[source.UID] = compiled{generation: source.Generation, inventory: inventory, err: err}
	return inventory, err
}

// forget drops a compiled Inventory.
func (i *inventories) forget(uid types.UID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.compiled, uid)
}

// usable are the Inventories that can publish, the oldest first, and the names of those whose specification cannot work:
// what these have published is left as it is.
func (i *inventories) usable(ctx context.Context) (usable []*profile.Inventory, broken map[string]bool, err error) {
	var list v1alpha1.InventoryList
	if err := i.cached.List(ctx, &list); err != nil {
		return nil, nil, fmt.Errorf("listing Inventories: %w", err)
	}
	broken = map[string]bool{}
	for n := range list.Items {
		source := &list.Items[n]
		if !source.DeletionTimestamp.IsZero() {
			continue
		}
		inventory, err := i.compile(source)
		if err != nil {
			broken[source.Name] = true
			continue
		}
		usable = append(usable, inventory)
	}
	slices.SortFunc(usable, func(a, b *profile.Inventory) int {
		if a.OlderThan(b) {
			return -1
		}
		return 1
	})
	return usable, broken, nil
}

// decision is where a Cluster is published.
type decision struct {
	claims []claim
	// problems are of Inventories that select the Cluster and cannot publish it, by the Inventory's name.
	problems map[string][]profile.Problem
	// broken are Inventories whose profiles stay as they are.
	broken map[string]bool
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
	usable, broken, err := r.inventories.usable(ctx)
	if err != nil {
		return decision{}, err
	}
	d := decision{problems: map[string][]profile.Problem{}, broken: broken}
	if r.options.WatchFilter != "" && cluster.Labels[clusterv1.WatchLabel] != r.options.WatchFilter {
		return d, nil
	}
	namespaceLabels, err := r.namespaceLabels(ctx, cluster.Namespace)
	if err != nil {
		return decision{}, err
	}
	holders := map[string]string{}
	for _, inventory := range usable {
		if !inventory.Selects(cluster, namespaceLabels) {
			continue
		}
		d.problems[inventory.Name()] = nil
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
