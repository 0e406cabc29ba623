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
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const project = "https://github.com/capi-inventory/capi-inventory"

// ErrNotInstalled says that the hub does not serve ClusterProfiles.
var ErrNotInstalled = errors.New(`this cluster does not serve ClusterProfiles (multicluster.x-k8s.io/v1alpha1).
If it is the right cluster, install the API:
  kubectl apply --server-side -k ` + project + `/config/crd/clusterprofile
and a cluster manager that publishes into it, which for Cluster API is the publisher of
  ` + project)

// Advice says why a scope holds no profile, and what to do about it.
func Hint(ctx context.Context, hub client.Reader, scope Selection) string {
	selected := scope.Selector != nil && !scope.Selector.Empty()
	everywhere, err := list(ctx, hub, "", nil)
	switch {
	case err == nil && len(everywhere) > 0 && selected:
		return fmt.Sprintf("No ClusterProfile%s has the labels %q.", in(scope.Namespace), scope.Selector)
	case err == nil && len(everywhere) > 0:
		return fmt.Sprintf("No ClusterProfiles%s; -A shows those of %s.", in(scope.Namespace), strings.Join(namespacesOf(everywhere), ", "))
	}
	return fmt.Sprintf("No ClusterProfiles%s. %s", in(scope.Namespace), whyNone(ctx, hub))
}

func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in the namespace " + namespace
}

// namespacesOf names at most five namespaces.
func namespacesOf(profiles []inventoryv1alpha1.ClusterProfile) []string {
	var names []string
	for i := range profiles {
		names = append(names, profiles[i].Namespace)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > 5 {
		names = append(names[:5], fmt.Sprintf("%d other namespaces", len(names)-5))
	}
	return names
}

// whyNone looks at what should have published something.
func whyNone(ctx context.Context, hub client.Reader) string {
	var inventories v1alpha1.InventoryList
	switch err := hub.List(ctx, &inventories); {
	case meta.IsNoMatchError(err):
		return "No cluster manager publishes here; for Cluster API, install the publisher of " + project + "."
	case err != nil:
		return "Is a cluster manager installed that publishes here?"
	case len(inventories.Items) == 0:
		return "There is no Inventory; this one publishes every Cluster beside itself:\n" +
			"  kubectl create -f - <<<'{\"apiVersion\":\"" + v1alpha1.SchemeGroupVersion.String() + "\",\"kind\":\"Inventory\",\"metadata\":{\"name\":\"default\"}}'"
	}
	for i := range inventories.Items {
		inventory := &inventories.Items[i]
		ready := meta.FindStatusCondition(inventory.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case ready == nil:
			return fmt.Sprintf("No publisher has looked at the Inventory %s yet; is it running?", inventory.Name)
		case ready.Status != metav1.ConditionTrue:
			return fmt.Sprintf("The Inventory %s is not ready (%s): %s", inventory.Name, ready.Reason, ready.Message)
		case inventory.Status.Clusters > 0:
			return ""
		}
	}
	return "No Inventory selects a Cluster; are there Clusters, and do their labels match?"
}

// explainUnknown says of each name that is not there what may have been meant.
func explainUnknown(ctx context.Context, hub client.Reader, namespace string, unknown []string) error {
	everywhere, _, err := Fleet(ctx, hub, namespace)
	if err != nil {
		return err
	}
	var faults []error
	for _, text := range unknown {
		within, name := split(text, namespace)
		faults = append(faults, fmt.Errorf("there is no ClusterProfile %q%s%s", name, in(within), suggestion(within, name, everywhere)))
	}
	return errors.Join(faults...)
}

// meant suggests the same name in another namespace, or a name that is like it, in the same namespace if possible.
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
