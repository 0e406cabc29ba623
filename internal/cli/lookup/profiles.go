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

// page is how many objects are asked for at a time.
const page = 500

// Scope is which profiles are meant.
type Selection struct {
	// Namespace is where to look; empty means everywhere.
	Namespace string
	// Selector selects by labels; nil means all.
	Selector labels.Selector
	// Names, where there are any, are the profiles meant, each a name or a namespace and a name joined by a slash. A name
	// by itself may stand for several profiles where the scope is everywhere.
	Names []string
}

// Namespaces are those that the scope looks into, each once and by name; a single empty one stands for all. A scope of names
// looks only where its names are.
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

// Profiles returns the profiles of a scope, by namespace and name. A name that is not there is an error; a scope in which
// nothing is, is none: Advice says what to tell then.
func Profiles(ctx context.Context, hub client.Reader, scope Selection) ([]inventoryv1alpha1.ClusterProfile, error) {
	if len(scope.Names) == 0 {
		return list(ctx, hub, scope.Namespace, scope.Selector)
	}
	if scope.Selector != nil && !scope.Selector.Empty() {
		return nil, errors.New("names and a selector cannot be combined")
	}
	candidates := map[string][]inventoryv1alpha1.ClusterProfile{}
	var found []inventoryv1alpha1.ClusterProfile
	var unknown []string
	for _, wanted := range scope.Names {
		namespace, name := split(wanted, scope.Namespace)
		if _, listed := candidates[namespace]; !listed {
			profiles, err := list(ctx, hub, namespace, nil)
			if err != nil {
				return nil, err
			}
			candidates[namespace] = profiles
		}
		hits := slices.DeleteFunc(slices.Clone(candidates[namespace]), func(p inventoryv1alpha1.ClusterProfile) bool { return p.Name != name })
		if len(hits) == 0 {
			unknown = append(unknown, wanted)
		}
		found = append(found, hits...)
	}
	if len(unknown) > 0 {
		return nil, explainUnknown(ctx, hub, scope.Namespace, unknown)
	}
	sortProfiles(found)
	return slices.CompactFunc(found, func(a, b inventoryv1alpha1.ClusterProfile) bool {
		return a.Namespace == b.Namespace && a.Name == b.Name
	}), nil
}

// split reads NAME or NAMESPACE/NAME.
func split(text, namespace string) (string, string) {
	if before, after, qualified := strings.Cut(text, "/"); qualified {
		return before, after
	}
	return namespace, text
}

// list reads the profiles of a namespace, empty for all, a page at a time.
func list(ctx context.Context, hub client.Reader, namespace string, selector labels.Selector) ([]inventoryv1alpha1.ClusterProfile, error) {
	options := &client.ListOptions{Namespace: namespace, LabelSelector: selector, Limit: page}
	var profiles []inventoryv1alpha1.ClusterProfile
	for {
		var list inventoryv1alpha1.ClusterProfileList
		if err := hub.List(ctx, &list, options); err != nil {
			return nil, explainError(err)
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

// told gives an error of the hub the words that help.
func explainError(err error) error {
	switch {
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		return ErrNotInstalled
	case apierrors.IsForbidden(err):
		return fmt.Errorf("listing ClusterProfiles: %w; name a namespace that you may read with -n", err)
	}
	return fmt.Errorf("listing ClusterProfiles: %w", err)
}

// Fleet returns every profile that may be read: all of the hub, or else those of the namespaces. read are the namespaces that
// were read, nil where all were.
func Fleet(ctx context.Context, hub client.Reader, namespaces ...string) (fleet []inventoryv1alpha1.ClusterProfile, read sets.Set[string], err error) {
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
