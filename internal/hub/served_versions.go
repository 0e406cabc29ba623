// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// versionError says that a hub serves an API in another version than the one in use.
type versionError struct{ crd, inUse, served string }

func (e *versionError) Error() string {
	return fmt.Sprintf("the hub serves %s as %s and not as %s: a restart is needed to use that version", e.crd, e.served, e.inUse)
}

// Served reports whether the API server serves an API in its preferred version.
func Served(client discovery.ServerResourcesInterface, api API) (bool, error) {
	served, err := isServed(client, api.Kind)
	if err != nil {
		return false, fmt.Errorf("checking for %s: %w", api.CRD, err)
	}
	return served, nil
}

// isServed reports whether the API server serves a kind in a version.
func isServed(client discovery.ServerResourcesInterface, kind schema.GroupVersionKind) (bool, error) {
	resources, err := client.ServerResourcesForGroupVersion(kind.GroupVersion().String())
	if apierrors.IsNotFound(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return slices.ContainsFunc(resources.APIResources, func(r metav1.APIResource) bool { return r.Kind == kind.Kind }), nil
}

// servedVersions returns every version in which the API server serves a kind.
func servedVersions(client discovery.DiscoveryInterface, kind schema.GroupKind) ([]string, error) {
	groups, err := client.ServerGroups()
	if err != nil {
		return nil, err
	}
	var versions []string
	for _, group := range groups.Groups {
		if group.Name != kind.Group {
			continue
		}
		for _, version := range group.Versions {
			served, err := isServed(client, kind.WithVersion(version.Version))
			if err != nil {
				return nil, err
			}
			if served {
				versions = append(versions, version.Version)
			}
		}
	}
	return versions, nil
}
