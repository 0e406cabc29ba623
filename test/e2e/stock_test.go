// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
)

// stock is everything on a hub that an installation could leave behind, by kind and name. Comparing the stock before the
// suite with the stock after it finds what nobody has thought of.
type stock map[string]bool

// namespaced are the kinds inside namespaces that count. Namespaces do themselves, and so with everything in those that the
// suite makes; these are for what it might leave in the others.
var namespaced = []string{"clusterprofiles", "rolebindings", "roles"}

// comeAndGo are kinds without a namespace that a hub makes and removes by itself.
var comeAndGo = []string{
	"certificatesigningrequests",
	"componentstatuses",
	"csinodes",
	"ipaddresses",
	"nodes",
	"persistentvolumes",
	"volumeattachments",
}

func takeStock(ctx context.Context) (stock, error) {
	asking, err := discovery.NewDiscoveryClientForConfig(hub.config)
	if err != nil {
		return nil, err
	}
	lists, err := asking.ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	listing, err := metadata.NewForConfig(hub.config)
	if err != nil {
		return nil, err
	}
	found := stock{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range list.APIResources {
			counts := slices.Contains(resource.Verbs, "list") &&
				(!resource.Namespaced && !slices.Contains(comeAndGo, resource.Name) ||
					resource.Namespaced && slices.Contains(namespaced, resource.Name))
			if !counts {
				continue
			}
			objects, err := listing.Resource(version.WithResource(resource.Name)).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("listing %s: %w", resource.Name, err)
			}
			for i := range objects.Items {
				found[strings.Join([]string{resource.Kind, objects.Items[i].Namespace, objects.Items[i].Name}, " ")] = true
			}
		}
	}
	return found, nil
}

// compare returns what is there after and was not there before, and what has gone that was not ours.
func (before stock) compare(after stock) error {
	var differences []string
	for _, object := range slices.Sorted(maps.Keys(after)) {
		if !before[object] {
			differences = append(differences, "left behind: "+object)
		}
	}
	for _, object := range slices.Sorted(maps.Keys(before)) {
		if !after[object] {
			differences = append(differences, "gone: "+object)
		}
	}
	if len(differences) > 0 {
		return fmt.Errorf("the hub is not as it was:\n%s", strings.Join(differences, "\n"))
	}
	return nil
}
