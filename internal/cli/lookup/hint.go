// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lookup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
)

const project = "https://github.com/capi-inventory/capi-inventory"

// ErrNotInstalled is the error of a hub that does not serve ClusterProfiles. It contains how to install the API.
var ErrNotInstalled = errors.New(`this cluster does not serve ClusterProfiles (multicluster.x-k8s.io).
If it is the right cluster, install the API:
  kubectl create -k ` + project + `/config/crd/clusterprofile
and a cluster manager that publishes into it, which for Cluster API is the publisher of
  ` + project)

// NotServed returns the error of a hub that does not serve ClusterProfiles in the version of the client: ErrNotInstalled, or which
// versions it serves. If one of them is known, the hub has not said so when the program asked, or serves it since.
func NotServed(from client.Reader) error {
	api := clusterhub.ClusterProfiles
	if mapped, ok := from.(interface{ RESTMapper() meta.RESTMapper }); ok {
		kinds, err := mapped.RESTMapper().KindsFor(schema.GroupVersionResource{Group: api.Kind.Group, Resource: "clusterprofiles"})
		if err == nil && len(kinds) > 0 {
			served := make([]string, 0, len(kinds))
			for _, kind := range kinds {
				served = append(served, kind.Version)
			}
			if slices.ContainsFunc(served, func(version string) bool { return slices.Contains(api.KnownVersions(), version) }) {
				return fmt.Errorf(
					"this cluster serves ClusterProfiles as %s, which was not known when this program connected: run it again",
					strings.Join(served, " and "),
				)
			}
			return fmt.Errorf("this cluster serves ClusterProfiles as %s, and this program reads %s: a later release of it is needed",
				strings.Join(served, " and "), strings.Join(api.KnownVersions(), " and "))
		}
	}
	return ErrNotInstalled
}

// Hint returns why a selection is empty, and what to do about it. A user who may not read all namespaces gets that of the selected one.
func Hint(ctx context.Context, hub client.Reader, selection Selection) string {
	return hint(ctx, hub, selection, "-A shows")
}

// HintOfPage is Hint for the dashboard, which has no -A.
func HintOfPage(ctx context.Context, hub client.Reader, selection Selection) string {
	return hint(ctx, hub, selection, "without -n the dashboard shows")
}

// hint returns the hint of a command; all is what shows all namespaces.
func hint(ctx context.Context, hub client.Reader, selection Selection, all string) string {
	selected := selection.Selector != nil && !selection.Selector.Empty()
	seen, _, err := Fleet(ctx, hub, selection.Namespace)
	others := slices.DeleteFunc(slices.Clone(seen), func(p inventoryv1alpha1.ClusterProfile) bool {
		return p.Namespace == selection.Namespace
	})
	switch {
	case err == nil && len(seen) > 0 && selected:
		return fmt.Sprintf("No ClusterProfile%s has the labels %q.", in(selection.Namespace), selection.Selector)
	case err == nil && len(others) > 0:
		return fmt.Sprintf("No ClusterProfiles%s; %s those of %s.", in(selection.Namespace), all, strings.Join(namespacesOf(others), ", "))
	}
	return fmt.Sprintf("No ClusterProfiles%s. %s", in(selection.Namespace), whyNone(ctx, hub))
}

func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in the namespace " + namespace
}

// namespacesOf returns the namespaces of profiles, at most five by name.
func namespacesOf(profiles []inventoryv1alpha1.ClusterProfile) []string {
	names := make([]string, 0, len(profiles))
	for i := range profiles {
		names = append(names, profiles[i].Namespace)
	}
	return firstNames(names)
}

// firstNames returns the first five of different names, and how many others there are.
func firstNames(names []string) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > 5 {
		names = append(names[:5], fmt.Sprintf("%d other namespaces", len(names)-5))
	}
	return names
}

// whyNone returns what is missing for a hub to have profiles.
func whyNone(ctx context.Context, hub client.Reader) string {
	var inventories v1alpha1.InventoryList
	switch err := hub.List(ctx, &inventories); {
	case meta.IsNoMatchError(err):
		return "No cluster manager publishes ClusterProfiles; for Cluster API, install the publisher of " + project + "."
	case err != nil:
		return "Is a cluster manager installed that publishes ClusterProfiles?"
	case len(inventories.Items) == 0:
		return "There is no Inventory; this one publishes every Cluster into its own namespace:\n" +
			`  kubectl create -f - <<<'{"apiVersion":"` + v1alpha1.SchemeGroupVersion.String() +
			`","kind":"Inventory","metadata":{"name":"default"}}'`
	}
	for i := range inventories.Items {
		inventory := &inventories.Items[i]
		ready := meta.FindStatusCondition(inventory.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case ready == nil:
			return fmt.Sprintf("No publisher has processed the Inventory %s yet; is it running?", inventory.Name)
		case ready.Status != metav1.ConditionTrue:
			return fmt.Sprintf("The Inventory %s is not ready (%s): %s", inventory.Name, ready.Reason, ready.Message)
		case inventory.Status.Clusters > 0:
			return ""
		}
	}
	return "No Inventory selects a Cluster; are there Clusters, and do their labels match?"
}

// explainUnknown returns an error with a suggestion for each unknown name.
func explainUnknown(ctx context.Context, hub client.Reader, namespace string, unknown []string) error {
	everywhere, _, err := Fleet(ctx, hub, namespace)
	if err != nil {
		return err
	}
	var errs []error
	for _, text := range unknown {
		namespace, name := split(text, namespace)
		errs = append(errs, fmt.Errorf("there is no ClusterProfile %q%s%s", name, in(namespace), suggestion(namespace, name, everywhere)))
	}
	return errors.Join(errs...)
}

// suggestion suggests the same name in another namespace, or a similar name, in the same namespace if possible.
func suggestion(namespace, name string, everywhere []inventoryv1alpha1.ClusterProfile) string {
	var here, there []string
	for i := range everywhere {
		p := &everywhere[i]
		qualified := p.Namespace + "/" + p.Name
		switch {
		case p.Name == name:
			return fmt.Sprintf("; did you mean %s?", qualified)
		case namespace == "" || p.Namespace == namespace:
			here = append(here, p.Name)
		default:
			there = append(there, p.Name)
		}
	}
	if like, ok := Suggest(name, here); ok {
		return fmt.Sprintf("; did you mean %s?", like)
	}
	if like, ok := Suggest(name, there); ok {
		i := slices.IndexFunc(everywhere, func(p inventoryv1alpha1.ClusterProfile) bool { return p.Name == like })
		return fmt.Sprintf("; did you mean %s/%s?", everywhere[i].Namespace, like)
	}
	return ""
}
