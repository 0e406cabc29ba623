// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/dashboard/fleet"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/facts"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// errGone is the error of an object that does not exist, or no longer.
var errGone = errors.New("does not exist")

func isGone(err error) bool { return errors.Is(err, errGone) }

// profileDetails returns the details of a profile. Only its Cluster is read from the hub.
func (d *Dashboard) profileDetails(ctx context.Context, key types.NamespacedName) (fleet.Profile, error) {
	objects, known := d.store.about(key)
	if objects.Profile == nil {
		return fleet.Profile{}, fmt.Errorf("the ClusterProfile %s %w", key, errGone)
	}
	if source, stamped := profile.LabelledCluster(objects.Profile); stamped {
		if err := facts.Cluster(ctx, d.hub(), source, &known); err != nil {
			return fleet.Profile{}, err
		}
	}
	return fleet.NewProfile(objects, d.limit(known), d.options.Flags)
}

// inventoryDetails returns the details of an Inventory. The Clusters are read from the hub.
func (d *Dashboard) inventoryDetails(ctx context.Context, name string) (fleet.Inventory, error) {
	_, known := d.store.about(types.NamespacedName{})
	i := slices.IndexFunc(known.Inventories, func(inventory v1alpha1.Inventory) bool { return inventory.Name == name })
	if i < 0 {
		return fleet.Inventory{}, fmt.Errorf("the Inventory %q %w", name, errGone)
	}
	known = d.limit(known)
	candidates, unread, err := d.candidates(ctx, &known)
	if err != nil {
		return fleet.Inventory{}, err
	}
	details, err := fleet.NewInventory(&known.Inventories[i], known, candidates, d.options.Flags)
	details.Unread = unread
	return details, err
}

// limit records that only the profiles of one namespace are watched, which says nothing about the rights to the others.
func (d *Dashboard) limit(known explain.Facts) explain.Facts {
	if d.options.Namespace != "" && known.Unread.Profiles == nil {
		known.Unread.Profiles = sets.New(d.options.Namespace)
		known.Lint.Unseen = "-n leaves out the profiles there"
	}
	known.Lint.Seen = known.Unread.Profiles
	return known
}

// candidates reads the Clusters and the labels of their namespaces. unread has a sentence for each kind that the user may not read.
func (d *Dashboard) candidates(ctx context.Context, known *explain.Facts) (out []explain.Candidate, unread []string, err error) {
	var clusters clusterv1.ClusterList
	switch err := d.hub().List(ctx, &clusters); {
	case apierrors.IsForbidden(err):
		return nil, []string{"Clusters in all namespaces: which of them the Inventory selects, and why not the others, is not known"}, nil
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		return nil, []string{"The hub does not serve Clusters of Cluster API."}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("listing Clusters: %w", err)
	}
	var namespaces corev1.NamespaceList
	switch err := d.hub().List(ctx, &namespaces); {
	case apierrors.IsForbidden(err):
		known.Unread.Namespace = true
		unread = append(unread, "Namespaces: whether spec.namespaceSelector selects their labels is not known")
	case err != nil:
		return nil, nil, fmt.Errorf("listing Namespaces: %w", err)
	}
	labelsOf := make(map[string]labels.Set, len(namespaces.Items))
	for i := range namespaces.Items {
		labelsOf[namespaces.Items[i].Name] = namespaces.Items[i].Labels
	}
	for i := range clusters.Items {
		cluster := &clusters.Items[i]
		out = append(out, explain.Candidate{Cluster: cluster, NamespaceLabels: labelsOf[cluster.Namespace]})
	}
	return out, unread, nil
}

// about returns what is known of a profile, and the facts of the hub.
func (s *store) about(key types.NamespacedName) (fleet.Objects, explain.Facts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := explain.Facts{Now: s.now(), Lint: lint.Options{Namespaces: lint.DefaultNamespaces}}
	for _, p := range s.profiles {
		known.Profiles = append(known.Profiles, *p)
	}
	slices.SortFunc(known.Profiles, func(a, b inventoryv1alpha1.ClusterProfile) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, name := range slices.Sorted(maps.Keys(s.inventories)) {
		known.Inventories = append(known.Inventories, *s.inventories[name])
	}
	known.Checks, known.Grants = maps.Clone(s.checks), maps.Clone(s.grants)
	for _, k := range s.kinds {
		if k.State != stateForbidden {
			continue
		}
		switch k.Kind {
		case kindProfiles:
			known.Unread.Profiles = sets.New[string]()
		case kindInventories:
			known.Unread.Inventories = true
		case kindChecks:
			known.Unread.Checks = sets.New(key.Namespace)
		case kindGrants:
			known.Unread.Grants = sets.New(key.Namespace)
		}
	}
	return s.objects(key), known
}
