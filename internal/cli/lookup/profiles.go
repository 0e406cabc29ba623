// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package lookup finds the profiles that a user selects by names, namespaces and labels. Where there are none, it returns a hint:
// a similar name, another namespace, or what has to be installed.
//
// It reads a hub and writes nothing. It works without the objects beside profiles that the user may not read.
package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pageSize is the limit of a list request.
const pageSize = 500

// Selection selects profiles.
type Selection struct {
	// Namespace is the namespace of the profiles; empty means all.
	Namespace string
	// Selector selects by labels; nil means all.
	Selector labels.Selector
	// Names are the names of profiles, each a name or a namespace and a name joined by a slash; empty means all. If Namespace is
	// empty, a name without a namespace may select several profiles.
	Names []string
}

// Namespaces returns the namespaces of the selected profiles, sorted and without duplicates; a single empty one means all. With
// names, they are the namespaces of these.
func (s Selection) Namespaces() []string {
	namespaces := make([]string, 0, len(s.Names))
	for _, wanted := range s.Names {
		namespace, _ := split(wanted, s.Namespace)
		namespaces = append(namespaces, namespace)
	}
	if len(s.Names) == 0 || slices.Contains(namespaces, "") {
		return []string{s.Namespace}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// Profiles returns the selected profiles, sorted by namespace and name. A name that does not exist is an error. An empty result is
// not: Hint returns what to report then.
func Profiles(ctx context.Context, hub client.Reader, selection Selection) ([]inventoryv1alpha1.ClusterProfile, error) {
	if len(selection.Names) == 0 {
		return list(ctx, hub, selection.Namespace, selection.Selector)
	}
	if selection.Selector != nil && !selection.Selector.Empty() {
		return nil, errors.New("names and a selector cannot be combined")
	}
	// candidates are the profiles of a namespace by their names, which are several of one name if the namespace is empty.
	candidates := map[string]map[string][]inventoryv1alpha1.ClusterProfile{}
	var found []inventoryv1alpha1.ClusterProfile
	var unknown []string
	for _, wanted := range selection.Names {
		namespace, name := split(wanted, selection.Namespace)
		if _, listed := candidates[namespace]; !listed {
			profiles, err := list(ctx, hub, namespace, nil)
			if err != nil {
				return nil, err
			}
			candidates[namespace] = byName(profiles)
		}
		hits := candidates[namespace][name]
		if len(hits) == 0 {
			unknown = append(unknown, wanted)
		}
		found = append(found, hits...)
	}
	if len(unknown) > 0 {
		return nil, explainUnknown(ctx, hub, selection.Namespace, unknown)
	}
	sortProfiles(found)
	return slices.CompactFunc(found, func(a, b inventoryv1alpha1.ClusterProfile) bool {
		return a.Namespace == b.Namespace && a.Name == b.Name
	}), nil
}

func byName(profiles []inventoryv1alpha1.ClusterProfile) map[string][]inventoryv1alpha1.ClusterProfile {
	named := make(map[string][]inventoryv1alpha1.ClusterProfile, len(profiles))
	for i := range profiles {
		named[profiles[i].Name] = append(named[profiles[i].Name], profiles[i])
	}
	return named
}

// split parses NAME or NAMESPACE/NAME.
func split(text, namespace string) (string, string) {
	if before, after, qualified := strings.Cut(text, "/"); qualified {
		return before, after
	}
	return namespace, text
}

// list lists the profiles of a namespace, or of all if it is empty, page by page.
func list(ctx context.Context, hub client.Reader, namespace string, selector labels.Selector) ([]inventoryv1alpha1.ClusterProfile, error) {
	options := &client.ListOptions{Namespace: namespace, LabelSelector: selector, Limit: pageSize}
	var profiles []inventoryv1alpha1.ClusterProfile
	for {
		var list inventoryv1alpha1.ClusterProfileList
		if err := hub.List(ctx, &list, options); err != nil {
			return nil, explainError(hub, err)
		}
		profiles = append(profiles, list.Items...)
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	sortProfiles(profiles)
	return profiles, nil
}

func sortProfiles(profiles []inventoryv1alpha1.ClusterProfile) {
	slices.SortFunc(profiles, func(a, b inventoryv1alpha1.ClusterProfile) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// explainError adds to an error of the hub what the user can do.
func explainError(hub client.Reader, err error) error {
	switch {
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		return NotServed(hub)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("listing ClusterProfiles: %w; select a namespace that you may read with -n", err)
	}
	return fmt.Errorf("listing ClusterProfiles: %w", err)
}

// Fleet returns every profile that the user may read: all of the hub, or else those of the namespaces. read are the namespaces that
// were read, nil if all were.
func Fleet(
	ctx context.Context,
	hub client.Reader,
	namespaces ...string,
) (fleet []inventoryv1alpha1.ClusterProfile, read sets.Set[string], err error) {
	all, err := list(ctx, hub, "", nil)
	if !apierrors.IsForbidden(err) {
		return all, nil, err
	}
	read = sets.New[string]()
	for _, namespace := range sets.List(sets.New(namespaces...)) {
		profiles, err := list(ctx, hub, namespace, nil)
		switch {
		case apierrors.IsForbidden(err):
			continue
		case err != nil:
			return nil, nil, err
		}
		fleet = append(fleet, profiles...)
		read.Insert(namespace)
	}
	return fleet, read, nil
}
